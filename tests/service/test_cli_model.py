"""`aether model` tells what a model server can do, whatever it lacks, and the workers remember it."""

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import msgspec
import pytest
from click.testing import CliRunner, Result

from aether.adapters.openai.catalog import CatalogEntry
from aether.adapters.openai.dialect import Dialect
from aether.adapters.openai.probe_checks import ProbeFinding, ProbeResult
from aether.cli.commands.main import aether
from aether.cli.output.model_advice import advice
from aether.settings import Settings
from tests.service.picky_model import (
    MODEL,
    NEW_LIMIT,
    NO_FORM,
    NO_SCHEMA,
    NO_STREAM,
    NO_STREAM_USAGE,
    NO_SYSTEM,
    NO_TEMPERATURE,
    STREAM_ONLY,
    UNKNOWN_MODEL,
    PickyModel,
    Refusal,
    Rule,
    busy_at_first,
    refuse,
    slowly,
)
from tests.service.stack import Valkey

KEY = "sk-zq7-a-key-that-must-not-show-anywhere"
FEATURES = ("system", "stream", "schema", "object")


def _always(status: int, body: object, **headers: str) -> Rule:
    return lambda *_: Refusal(status, body, {"Retry-After": "0.01", **headers})


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Valkey]:
    store = Valkey(tmp_path_factory.mktemp("store") / "valkey")
    store.start()
    yield store
    store.end()


def run(model: PickyModel, home: Path, *arguments: str, path: str = "/v1", **environment: str) -> Result:
    variables = {
        "OPENAI_BASE_URL": model.origin + path,
        "OPENAI_API_KEY": KEY,
        "AETHER_MODEL": MODEL,
        "AETHER_DATA_DIR": str(home),
        "REDIS_URL": "",
        **environment,
    }
    result = CliRunner(env=variables).invoke(aether, ["model", *arguments])
    assert result.exception is None or isinstance(result.exception, SystemExit), result.exception
    assert KEY not in result.output
    return result


def checked(model: PickyModel, home: Path, **environment: str) -> tuple[dict[str, str], dict[str, Any]]:
    """Return the result of each check, and all that the command prints for programs."""
    result = run(model, home, "--json", REDIS_URL="redis://127.0.0.1:1/0", **environment)
    view = json.loads(result.stdout)
    assert result.exit_code == (0 if view["usable"] else 1)
    return {each["check"]: each["result"] for each in view["findings"]}, view


def test_a_table_shows_what_works(tmp_path: Path) -> None:
    with PickyModel(props={"default_generation_settings": {"n_ctx": 32_768}}) as model:
        result = run(model, tmp_path)

    assert result.exit_code == 0
    head, _, rows = result.stdout.partition("\n\n")
    assert head == f"server  {model.origin}/v1/chat/completions\nmodel   {MODEL}"
    assert [line[:26].rstrip() for line in rows.splitlines()[:7]] == [
        "ok  list of models",
        "ok  answers",
        "ok  system messages",
        "ok  streams",
        "ok  JSON schema",
        "ok  JSON object",
        "ok  context",
    ]
    assert rows.endswith("ok  context               32768 tokens\n\nAether can use this model.\n")


@pytest.mark.parametrize(
    ("rules", "missing", "dialect"),
    [
        pytest.param((), set(), Dialect(), id="everything"),
        pytest.param((NO_SCHEMA,), {"schema"}, Dialect(form="object"), id="no-schema"),
        pytest.param((NO_FORM,), {"schema", "object"}, Dialect(form="prompt"), id="no-form"),
        pytest.param((NO_SYSTEM,), {"system"}, Dialect(system=False), id="no-system"),
        pytest.param((NO_STREAM,), {"stream"}, Dialect(stream="none"), id="no-stream"),
        pytest.param((NO_STREAM_USAGE,), set(), Dialect(stream="plain"), id="no-stream-usage"),
        pytest.param((STREAM_ONLY,), set(), Dialect(streams_only=True), id="stream-only"),
        pytest.param(
            (STREAM_ONLY, NO_STREAM_USAGE, NO_FORM),
            {"schema", "object"},
            Dialect("prompt", "plain", streams_only=True),
            id="stream-only-without-usage-and-form",
        ),
        pytest.param((NEW_LIMIT,), set(), Dialect(options={"max_tokens": "max_completion_tokens"}), id="new-limit"),
        pytest.param((NEW_LIMIT, NO_SYSTEM, NO_SCHEMA), {"system", "schema"}, None, id="three"),
        pytest.param((busy_at_first,), set(), Dialect(), id="busy-at-first"),
    ],
)
def test_a_feature_that_is_missing_is_found_and_does_not_matter(
    tmp_path: Path, rules: tuple[Any, ...], missing: set[str], dialect: Dialect | None, store: Valkey
) -> None:
    with PickyModel(*rules) as model:
        result = run(model, tmp_path, "--json", REDIS_URL=store.url)
    view = json.loads(result.stdout)
    results = {each["check"]: each["result"] for each in view["findings"]}

    assert (result.exit_code, view["usable"]) == (0, True), view
    assert {name for name in FEATURES if results[name] != "works"} == missing
    if dialect is not None:
        saved = store.client.hget(f"aether:dialects:{model.origin}/v1", MODEL)
        assert (msgspec.json.decode(saved, type=Dialect) if saved else Dialect()) == dialect


@pytest.mark.parametrize(
    "answer",
    [lambda _: "Paris is nice.", lambda body: "Hello" if "JSON" not in str(body) else '["Paris"]'],
    ids=["prose", "another-form"],
)
def test_a_model_that_gives_no_json_cannot_be_used(tmp_path: Path, answer: Callable[[Any], str]) -> None:
    with PickyModel(answer=answer) as model:
        results, view = checked(model, tmp_path)

    assert not view["usable"]
    assert [results[name] for name in ("answer", "schema", "object", "prompt")] == ["works", "fails", "fails", "fails"]
    assert "need JSON, and this model gave none" in view["advice"][0]


@pytest.mark.parametrize(
    "answer",
    [
        lambda body: "```json\n" + '{"city": "Paris"}' + "\n```" if "JSON" in str(body) else "Hello",
        lambda body: "<think>They want a city.</think>" + ('{"city": "Paris"}' if "JSON" in str(body) else "Hello"),
    ],
    ids=["fence", "thinking"],
)
def test_marks_around_an_answer_do_not_matter(tmp_path: Path, answer: Callable[[Any], str]) -> None:
    with PickyModel(answer=answer) as model:
        results, _ = checked(model, tmp_path)

    assert {results[name] for name in FEATURES} == {"works"}


@pytest.mark.parametrize(
    ("rules", "options", "said"),
    [
        pytest.param(
            (UNKNOWN_MODEL,),
            {"AETHER_MODEL": "llama3"},
            "Set AETHER_MODEL to a model of this server: llama3.1, other.",
            id="model",
        ),
        pytest.param(
            (),
            {"path": ""},
            "The address that was called is {origin}/chat/completions; should OPENAI_BASE_URL end with /v1?",
            id="address",
        ),
        pytest.param(
            (refuse(lambda _: True, f"wrong key {KEY}", 401),), {}, "(HTTP 401). Check OPENAI_API_KEY", id="key"
        ),
        pytest.param((refuse(lambda _: True, f"no credit for {KEY}", 402),), {}, "no credit for …", id="credit"),
        pytest.param((_always(200, {"error": {"code": 400, "message": "broken"}}),), {}, "broken", id="inside"),
        pytest.param((_always(200, {"choices": [{"message": {"content": ""}}]}),), {}, "answer was empty", id="empty"),
        pytest.param((_always(500, {"error": "out of memory"}),), {}, "out of memory", id="memory"),
        pytest.param((_always(503, ""),), {}, "overloaded (HTTP 503)", id="overloaded"),
        pytest.param((_always(200, "<html>"),), {}, "no chat completion", id="page"),
        pytest.param((_always(307, "", Location="http://elsewhere.test/"),), {}, "elsewhere.test", id="redirect"),
    ],
)
def test_a_server_that_does_not_answer_says_why(
    tmp_path: Path, rules: tuple[Any, ...], options: dict[str, str], said: str
) -> None:
    with PickyModel(*rules, models={"data": [{"id": "other"}, {"id": MODEL}]}) as model:
        result = run(model, tmp_path, **options)

    assert result.exit_code == 1
    assert "Aether cannot use this model." in result.stdout
    assert f"server  {model.origin}" in result.stdout
    assert said.format(origin=model.origin) in " ".join(result.stdout.split())
    assert "system messages" not in result.stdout


def test_a_server_that_is_not_there_says_so(tmp_path: Path) -> None:
    with PickyModel() as model:
        pass
    result = run(model, tmp_path)

    assert result.exit_code == 1
    assert "check OPENAI_BASE_URL" in " ".join(result.stdout.split())


def test_a_server_that_takes_too_long_is_not_waited_for(tmp_path: Path) -> None:
    with PickyModel(answer=slowly(3)) as model:
        result = run(model, tmp_path, AETHER_MODEL_READ_TIMEOUT="0.3", AETHER_MODEL_TOTAL_TIMEOUT="0.5")

    assert result.exit_code == 1
    assert "no  answers" in result.stdout


class Telling(NamedTuple):
    """What a server tells, the setting, and what is to be found and advised."""

    models: object
    context: int | None
    advice: str | None = None
    setting: str = ""
    props: object = None


TELLING = [
    Telling({"data": [{"id": MODEL, "max_model_len": 4_096}]}, 4_096, "The context is small"),
    Telling({"data": [{"id": MODEL, "context_length": 65_536}]}, 65_536, "to 65536 or leave it out", "128000"),
    Telling({"data": [{"id": MODEL}]}, 16_384, props={"default_generation_settings": {"n_ctx": 16_384}}),
    Telling({"data": [{"id": MODEL}]}, None, "Set AETHER_MODEL_CONTEXT if"),
    Telling({"data": [{"id": MODEL}]}, None, setting="8192"),
    Telling(None, None, setting="8192"),
    Telling([MODEL], None, setting="8192"),
    Telling({"models": [{"name": f"models/{MODEL}", "inputTokenLimit": 32_000}]}, 32_000),
]


@pytest.mark.parametrize("telling", TELLING, ids=str)
def test_the_context_is_told_where_the_server_tells_it(tmp_path: Path, telling: Telling) -> None:
    with PickyModel(models=telling.models, props=telling.props) as model:
        results, view = checked(model, tmp_path, AETHER_MODEL_CONTEXT=telling.setting)

    assert (view["context"], results["context"]) == (telling.context, "works" if telling.context else "unknown")
    assert view["usable"]
    assert telling.advice in view["advice"][0] if telling.advice else view["advice"] == []


@pytest.mark.parametrize("models", [None, {"data": []}, "nonsense", [1, 2]])
def test_a_server_that_does_not_list_its_models_can_be_used(tmp_path: Path, models: object) -> None:
    with PickyModel(models=models) as model:
        results, view = checked(model, tmp_path)

    assert (results["models"], view["usable"]) == ("unknown", True)


def test_options_of_the_operator_are_sent_and_what_the_model_lacks_is_named(tmp_path: Path) -> None:
    options = json.dumps({"temperature": 0, "max_tokens": 99, "top_p": 1})
    with PickyModel(NEW_LIMIT, NO_TEMPERATURE) as model:
        _, view = checked(model, tmp_path, AETHER_MODEL_OPTIONS=options)

    assert all(request["top_p"] == 1 for request in model.requests)
    assert sorted(view["advice"][1:]) == [
        "This model does not accept max_tokens of AETHER_MODEL_OPTIONS; it is sent as max_completion_tokens.",
        "This model does not accept temperature of AETHER_MODEL_OPTIONS; it is left out.",
    ]
    assert not [request for request in model.requests[-4:] if {"temperature", "max_tokens"} & request.keys()]


def test_the_key_of_a_gateway_is_sent_and_not_shown(tmp_path: Path) -> None:
    with PickyModel() as model:
        path = f"/v1?token={KEY}"
        result = run(model, tmp_path, path=path, AETHER_MODEL_HEADERS=json.dumps({"api-key": KEY}))

    assert result.exit_code == 0
    assert {headers["api-key"] for headers in model.headers} == {KEY}
    assert f"server  {model.origin}/v1/chat/completions\n" in result.stdout


def test_another_model_can_be_named(tmp_path: Path) -> None:
    with PickyModel(models={"data": [{"id": "small"}]}) as model:
        result = run(model, tmp_path, "--model", "small")

    assert "model   small\n" in result.stdout
    assert {request["model"] for request in model.requests} == {"small"}


def test_what_a_server_says_cannot_change_the_terminal(tmp_path: Path) -> None:
    with PickyModel(refuse(lambda _: True, "bad \x1b[31mthing\x00")) as model:
        result = run(model, tmp_path)

    assert "\x1b" not in result.stdout
    assert "\x00" not in result.stdout


def test_wrong_settings_are_wrong_usage(tmp_path: Path) -> None:
    with PickyModel() as model:
        result = run(model, tmp_path, OPENAI_BASE_URL="localhost:11434")

    assert (result.exit_code, result.stdout) == (2, "")
    assert result.stderr.startswith("Error: OPENAI_BASE_URL: Expected ")


def test_without_a_store_nothing_is_remembered_and_that_is_said(tmp_path: Path) -> None:
    with PickyModel(NO_SCHEMA) as model:
        result = run(model, tmp_path, REDIS_URL="redis://127.0.0.1:1/0")

    assert result.exit_code == 0
    assert result.stderr == "not remembered for the workers: The job store is unavailable.\n"


def test_a_report_is_asked_for_as_the_command_has_found(tmp_path: Path, store: Valkey) -> None:
    """By a private server with this store: no request of it is refused."""
    with PickyModel(NO_SCHEMA, NO_SYSTEM, answer=_report) as model:
        assert run(model, tmp_path, REDIS_URL=store.url).exit_code == 0
        refused_by_then = model.refused
        command = [sys.executable, "-m", "aether", "report", "Rome", "--sections", "1", "--data-dir", str(tmp_path)]
        variables = {"REDIS_URL": store.url, "OPENAI_BASE_URL": f"{model.origin}/v1", "AETHER_MODEL": MODEL}
        done = subprocess.run(command, env=os.environ | variables, capture_output=True, text=True, check=False)

    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("# Rome\n\n## I. Origins\n\nIt began")
    assert (refused_by_then, model.refused) == (2, 2)
    assert {request["messages"][0]["role"] for request in model.requests[-2:]} == {"user"}


def _report(body: dict[str, Any]) -> str:
    if "response_format" not in body:
        return "It began as a village. " * 40
    text = str(body["messages"])
    return '{"city": "Paris"}' if "capital" in text else '{"sections": [{"title": "Origins", "covers": "the start"}]}'


def test_a_limit_that_thinking_uses_up_tells_nothing_about_the_model(tmp_path: Path) -> None:
    thinking = {"message": {"content": "", "reasoning_content": "Hmm, hello …"}, "finish_reason": "length"}
    cut_off = Refusal(200, {"choices": [thinking], "usage": {"completion_tokens": 512}})
    with PickyModel(lambda body, _: None if "JSON" in str(body) or body.get("stream") else cut_off) as model:
        results, view = checked(model, tmp_path)

    assert (results["answer"], results["system"], results["schema"]) == ("unknown", "unknown", "works")
    assert view["usable"]
    assert "used up by thinking" in view["findings"][1]["detail"]


def test_a_slow_answer_is_advice_on_the_timeout() -> None:
    result = ProbeFinding("answer", "works", "", 31.0)
    probed = ProbeResult("http://a.test", MODEL, (result, ProbeFinding("schema", "works")), context=32_768)

    assert advice(probed, Settings()) == (
        "The first answer was slow; AETHER_MODEL_READ_TIMEOUT must be longer than an answer takes.",
    )


def test_of_many_models_the_nearest_are_named_first() -> None:
    names = [f"model-{number}" for number in range(20)] + ["llama3.1:8b", "llama3.1:70b"]
    listed = ProbeFinding("models", "fails", "")
    probed = ProbeResult(
        "http://a.test", "llama3.1", (listed, ProbeFinding("answer", "fails")), models=tuple(map(CatalogEntry, names))
    )

    (sentence,) = advice(probed, Settings())
    assert sentence.startswith("Set AETHER_MODEL to a model of this server: llama3.1:8b, llama3.1:70b, model-0, ")
    assert sentence.endswith(" and 14 more.")
