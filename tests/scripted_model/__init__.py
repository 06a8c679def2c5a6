"""A scripted OpenAI-compatible server over real HTTP, for tests and benchmarks.

    async with ScriptedModel(Setup(sections=4), [Rule(kind="section", index=2, nth=1, do=NAMED["429"])]) as model:
        ...  # point the service at model.base_url
        await model.wait_for(lambda record: len(record.calls(kind="section")) == 5)

`ScriptedModel` runs in a thread, `ModelProcess` in a process of its own; both are a `Model`. What a request asks for is
decided in `classify`, what happens to it in `script`, what the answer says in `texts` and `images`.
"""

from tests.scripted_model.actions import (
    NAMED,
    Action,
    Answer,
    Hang,
    HttpError,
    Picture,
    Reset,
    Slow,
    Trickle,
    Truncate,
    against_policy,
    cut_at_length,
    html_page,
    model_not_found,
    rate_limited,
    refused,
    rejected,
)
from tests.scripted_model.calls import Call, Record
from tests.scripted_model.classify import Kind, Step, classify
from tests.scripted_model.images import bad_size, png
from tests.scripted_model.model import Model
from tests.scripted_model.process import ModelProcess, RemoteModel
from tests.scripted_model.script import Mix, Rule
from tests.scripted_model.server import ScriptedModel
from tests.scripted_model.setup import Setup
from tests.scripted_model.texts import expected_outline, expected_section, section_marker, section_title

__all__ = [
    "NAMED",
    "Action",
    "Answer",
    "Call",
    "Hang",
    "HttpError",
    "Kind",
    "Mix",
    "Model",
    "ModelProcess",
    "Picture",
    "Record",
    "RemoteModel",
    "Reset",
    "Rule",
    "ScriptedModel",
    "Setup",
    "Slow",
    "Step",
    "Trickle",
    "Truncate",
    "against_policy",
    "bad_size",
    "classify",
    "cut_at_length",
    "expected_outline",
    "expected_section",
    "html_page",
    "model_not_found",
    "png",
    "rate_limited",
    "refused",
    "rejected",
    "section_marker",
    "section_title",
]
