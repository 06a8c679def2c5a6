"""The search for a model server of this machine, against real HTTP servers on free ports."""

import json
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from structlog.testing import capture_logs

from aether.adapters.openai.local_search import FoundServer, find_model_server
from aether.bootstrap.backing_services import model_notes, model_service
from aether.errors import ConfigurationError
from aether.settings import Settings

Pages = Mapping[str, bytes]


def listing(*models: Mapping[str, Any], **fields: Any) -> bytes:  # Any: JSON
    entries = [{"object": "model", "owned_by": "someone", **model} for model in models]
    return json.dumps({"object": "list", "data": entries, **fields}).encode()


@contextmanager
def serving(pages: Pages, *, status: int = 200, delay_s: float = 0.0) -> Iterator[int]:
    """Serve pages on a free port, and yield the port."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            time.sleep(delay_s)
            body = pages.get(self.path, b"")
            self.send_response(status if body else 404)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            """Print nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        try:
            yield server.server_port
        finally:
            server.shutdown()
            thread.join()


def url(port: int) -> str:
    return f"http://127.0.0.1:{port}/v1"


async def found(models: bytes, preferred: str | None = None, **more: bytes) -> str | None:
    with serving({"/v1/models": models, "/api/tags": more.get("tags", b"")}) as port:
        server = await find_model_server([port], preferred)
    assert server is None or server.base_url == url(port)
    return server and server.model


@pytest.mark.parametrize(
    ("models", "chosen"),
    [
        (["qwen2.5:0.5b", "qwen2.5:7b", "llama3.2:3b"], "qwen2.5:7b"),
        (["nomic-embed-text:latest", "bge-reranker-v2-7b", "whisper-large", "gemma3:1b", "flux-12b"], "gemma3:1b"),
        (["llama3.2:latest", "qwen2.5:0.5b"], "llama3.2:latest"),
        (["kimi-k2:1t-cloud", "gpt-oss:20b"], "gpt-oss:20b"),
        (["text-embedding-3-small"], None),
        ([], None),
    ],
)
async def test_the_largest_model_to_talk_with_is_chosen(models: list[str], chosen: str | None) -> None:
    assert await found(listing(*({"id": name} for name in models))) == chosen


async def test_what_the_server_tells_about_a_size_counts_more_than_a_name() -> None:
    models = listing({"id": "a-3b", "meta": {"n_params": 3_000_000_000}}, {"id": "b", "meta": {"n_params": 8e9}})

    assert await found(models) == "b"


async def test_a_size_that_no_model_has_is_ignored() -> None:
    assert await found(listing({"id": "small-1b", "meta": {"n_params": 10**400}}, {"id": "large-70b"})) == "large-70b"


async def test_ollama_is_asked_for_the_sizes_of_its_models() -> None:
    names = ("llama3.2:latest", "mine:latest", "all:latest")
    sizes = ({"parameter_size": "3.2B"}, {"parameter_size": "14.8B"}, {"parameter_size": "33B", "family": "bert"})
    tags = {"models": [{"name": name, "details": details} for name, details in zip(names, sizes, strict=True)]}

    models = listing(*({"id": name, "owned_by": "library"} for name in names))

    assert await found(models, tags=json.dumps(tags).encode()) == "mine:latest"
    assert await found(models) == "llama3.2:latest"


async def test_a_model_that_was_chosen_is_used_if_the_server_has_it() -> None:
    models = listing({"id": "small-1b"}, {"id": "large-70b"})

    assert await found(models, preferred="small-1b") == "small-1b"
    assert await found(models, preferred="gpt-4.1-mini") == "large-70b"


@pytest.mark.parametrize(
    "page",
    [
        b"<!doctype html><title>Welcome to nginx!</title>",
        b'{"data": [{"id": "Civic", "make": "Honda"}]}',
        b'{"object": "list", "data": [{"id": "Civic"}]}',
        b'{"object": "list", "data": [{"object": "model", "id": 7}, "x"]}',
        b'{"object": "list", "data": {}}',
        b'["qwen2.5:7b"]',
        b"null",
        b'{"object": "list", "data": [' + b'{"object": "model", "id": "a-7b"},' * 20_000,
        listing({"id": "x" * 300_000}),
        b"[" * 100_000,
    ],
)
async def test_another_program_on_the_port_is_not_taken_for_a_model_server(page: bytes) -> None:
    assert await found(page) is None


async def test_a_server_that_wants_a_key_is_not_used() -> None:
    with serving({"/v1/models": listing({"id": "a-7b"})}, status=401) as port:
        assert await find_model_server([port]) is None


async def test_a_slow_server_does_not_delay_the_start_and_the_next_port_counts() -> None:
    with ExitStack() as stack:
        slow = stack.enter_context(serving({"/v1/models": listing({"id": "slow-70b"})}, delay_s=1.0))
        quick = stack.enter_context(serving({"/v1/models": listing({"id": "quick-1b"})}))
        closed = stack.enter_context(serving({}))
        began = time.monotonic()
        server = await find_model_server([closed, slow, quick])
        taken = time.monotonic() - began

    assert server == FoundServer(url(quick), "quick-1b")
    assert taken < 0.9


async def test_a_server_on_this_machine_is_used_before_the_local_model_and_is_told() -> None:
    given = Settings(local_search=True)
    with serving({"/v1/models": listing({"id": "qwen2.5:7b"})}) as port, capture_logs() as events:
        async with model_service(given, [port]) as complete:
            assert (complete.openai_base_url, complete.openai_api_key) == (url(port), None)
            assert (complete.model, complete.uses_model_server) == ("qwen2.5:7b", True)

    assert [(event["event"], event["model"]) for event in events] == [("model.found", "qwen2.5:7b")]
    assert model_notes(given, complete) == (f"using the model server at {url(port)}, which runs on this machine",)


async def test_a_server_that_is_set_is_used_without_a_search() -> None:
    given = Settings(openai_base_url="http://models.test/v1", local_search=True)
    with serving({"/v1/models": listing({"id": "qwen2.5:7b"})}) as port:
        async with model_service(given, [port]) as complete:
            assert complete == given
    assert model_notes(given, complete) == ()


@pytest.mark.parametrize("refused_by", ["AETHER_LOCAL_SEARCH", "its own port"])
async def test_a_search_can_be_refused_and_aether_does_not_ask_itself(tmp_path: Path, refused_by: str) -> None:
    with serving({"/v1/models": listing({"id": "a-7b"})}) as port:
        is_own = refused_by == "its own port"
        given = Settings(data_dir=tmp_path, port=port if is_own else 0, local_search=is_own)
        async with model_service(given, [port]) as complete:
            assert (complete.model == "a-7b", complete.openai_api_key is None) == (False, False)
    assert model_notes(given, complete) == ()


async def test_a_file_for_the_local_model_is_used_without_a_search(tmp_path: Path) -> None:
    with serving({"/v1/models": listing({"id": "a-7b"})}) as port:
        given = Settings(data_dir=tmp_path, local_model=tmp_path / "none.gguf", local_search=True)
        with pytest.raises(ConfigurationError, match="there is no file"):
            async with model_service(given, [port]):
                pass
