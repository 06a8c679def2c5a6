"""Scripted model: an OpenAI-compatible server over real HTTP, for tests and benchmarks.

    async with ScriptedModel(Setup(sections=4), [Rule(kind="section", index=2, nth=1, do=NAMED["429"])]) as model:
        ...  # point the service at model.base_url
        await model.wait_for(lambda record: len(record.calls(kind="section")) == 5)

`ScriptedModel` runs in a thread, `ModelProcess` in a process of its own; both are a `Model`. `classifier` decides what
a request asks for, `script` what happens to it, and `texts` and `images` what the answer contains.
"""

from tests.scripted_model.actions import (
    NAMED,
    Action,
    Answer,
    Bytes,
    Events,
    Flood,
    Hang,
    HttpError,
    Picture,
    Reset,
    Slow,
    Trickle,
    Truncate,
    client_error,
    cut_off_answer,
    html_page,
    model_not_found,
    policy_error,
    rate_limit_error,
    refusal,
)
from tests.scripted_model.calls import Call, Record
from tests.scripted_model.classifier import Kind, Step, classify
from tests.scripted_model.images import png, size_error
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
    "Bytes",
    "Call",
    "Events",
    "Flood",
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
    "classify",
    "client_error",
    "cut_off_answer",
    "expected_outline",
    "expected_section",
    "html_page",
    "model_not_found",
    "png",
    "policy_error",
    "rate_limit_error",
    "refusal",
    "section_marker",
    "section_title",
    "size_error",
]
