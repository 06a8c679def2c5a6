"""Local search: finds a model server that runs on this machine, and its largest model to talk with."""

import asyncio
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import httpx2
import msgspec

from aether.adapters.openai.catalog import parameters_in
from aether.adapters.openai.model_names import is_for_chat, parameters_of
from aether.outbound.bounded_read import read_bounded
from aether.outbound.cookies import no_cookies

USUAL_PORTS = (11_434, 1_234, 8_080, 8_000)
"""Ports of Ollama, LM Studio, llama.cpp and vLLM, in the order in which their servers are preferred."""

_HOST = "127.0.0.1"
_TIMEOUT_S = 0.3  # for everything, so that a start is not slower where no model server runs
_MAX_BYTES = 262_144
_MAX_MODELS = 1_000
_UNKNOWN_PARAMETERS = 2e9  # of a model that does not tell, when it is compared with others
_OLLAMA = "library"  # the owner of its models
_REMOTE = ("-cloud", ":cloud")  # models of Ollama that it passes on to the internet


class FoundServer(NamedTuple):
    """A model server on this machine, and the model to use."""

    base_url: str
    model: str


class _Model(NamedTuple):
    name: str
    parameters: float


async def find_model_server(ports: Sequence[int] = USUAL_PORTS, preferred: str | None = None) -> FoundServer | None:
    """Return the first server that lists a model to talk with; None if there is none.

    The model is the `preferred` one if the server has it, else its largest one. Servers that want a key are not used.
    """
    async with httpx2.AsyncClient(
        trust_env=False, follow_redirects=False, timeout=_TIMEOUT_S, cookies=no_cookies()
    ) as http:
        found = await asyncio.gather(*(_try(http, port) for port in ports))
    for port, models in zip(ports, found, strict=True):
        if models:
            names = [model.name for model in models]
            largest = max(models, key=lambda model: model.parameters)
            model = preferred if preferred in names else largest.name
            return FoundServer(f"http://{_HOST}:{port}/v1", model)
    return None


async def _try(http: httpx2.AsyncClient, port: int) -> list[_Model]:
    try:
        async with asyncio.timeout(_TIMEOUT_S):
            return await _models(http, f"http://{_HOST}:{port}")
    except (TimeoutError, httpx2.HTTPError, httpx2.InvalidURL, msgspec.DecodeError, RecursionError, ValueError):
        return []


async def _models(http: httpx2.AsyncClient, origin: str) -> list[_Model]:
    """List the models to talk with of a server, if it is a model server."""
    entries = _entries(await _get(http, f"{origin}/v1/models"))
    details: dict[str, float | None] = {}
    if any(entry.get("owned_by") == _OLLAMA for entry in entries):
        details = _ollama_sizes(await _get(http, f"{origin}/api/tags"))
    return [
        _Model(name, parameters_in(entry) or details.get(name) or parameters_of(name) or _UNKNOWN_PARAMETERS)
        for entry in entries
        if is_for_chat(name := entry["id"]) and not name.endswith(_REMOTE) and details.get(name, 1.0) is not None
    ]


async def _get(http: httpx2.AsyncClient, url: str) -> Any:  # Any: JSON of any shape
    async with http.stream("GET", url) as response:
        if response.status_code != httpx2.codes.OK:
            return None
        return msgspec.json.decode(await read_bounded(response.aiter_bytes(), _MAX_BYTES, ValueError()))


def _entries(listed: object) -> list[dict[str, Any]]:
    """Return the entries of a list of models; none if it is any other JSON, as other programs use these ports too."""
    entries = listed.get("data") if isinstance(listed, dict) and listed.get("object") == "list" else None
    if not isinstance(entries, list):
        return []
    return [
        entry
        for entry in entries[:_MAX_MODELS]
        if isinstance(entry, dict) and entry.get("object") == "model" and isinstance(entry.get("id"), str)
    ]


def _ollama_sizes(listed: object) -> dict[str, float | None]:
    """Return the parameters of each model of Ollama; None for one that only embeds."""
    models = listed.get("models") if isinstance(listed, dict) else None
    entries = [entry for entry in models if isinstance(entry, dict)] if isinstance(models, list) else []
    return {str(entry.get("name")): _ollama_size(entry) for entry in entries[:_MAX_MODELS]}


def _ollama_size(entry: Mapping[str, Any]) -> float | None:
    details = entry.get("details")
    family = details.get("family") if isinstance(details, dict) else ""
    return None if "bert" in str(family) else parameters_in(entry) or _UNKNOWN_PARAMETERS
