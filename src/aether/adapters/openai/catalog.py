"""Catalogue of a model server: which models it has, and how many tokens each reads and writes in one call."""

from collections.abc import Mapping
from typing import Any, NamedTuple

from aether.adapters.openai.errors import FailedCall
from aether.adapters.openai.http_api import ServerApi
from aether.adapters.openai.lenient_json import JsonDocument
from aether.adapters.openai.model_names import parameters_of
from aether.errors import UnusableOutputError

_MAX_MODELS = 1_000
_MAX_PARAMETERS = 1e15  # larger numbers are no parameters, and some fit no float
# The names of the context window: those of vLLM, OpenRouter, Groq, LM Studio, Mistral, Gemini, and gateways. A context
# that is loaded is smaller than the one that a model was trained with, so it comes first.
_CONTEXT_KEYS: tuple[str, ...] = (
    *("n_ctx", "loaded_context_length", "max_model_len", "context_length", "context_window", "max_context_length"),
    *("inputTokenLimit", "input_token_limit", "max_input_tokens", "n_ctx_train"),
)
_INNER_KEYS = ("meta", "default_generation_settings", "limits", "model_spec", "details", "top_provider", "model_info")


class CatalogEntry(NamedTuple):
    """A model by its id; its context window and its parameters are None if the server does not say them."""

    id: str
    context: int | None = None
    parameters: float | None = None


class ModelFacts(NamedTuple):
    """What a server tells about a model: its context window, how many parameters it has, and whether llama.cpp runs it.

    What the server does not say is None.
    """

    context: int | None = None
    parameters: float | None = None
    is_llama_cpp: bool = False


class ModelCatalog:
    """Asks a server for its models, and llama.cpp for its properties."""

    def __init__(self, api: ServerApi) -> None:
        self._api = api

    async def models(self) -> tuple[CatalogEntry, ...]:
        """Return the models.

        Raises:
            FailedCall, ModelUnreachableError, UnusableOutputError: the server does not list them.
        """
        value = await self._get("models", self._api.address.endpoint("models"))
        entries = value.get("data") or value.get("models") if isinstance(value, dict) else value
        found = [_entry(entry) for entry in entries[:_MAX_MODELS]] if isinstance(entries, list) else []
        return tuple(entry for entry in found if entry is not None)

    async def context(self, model: str) -> int | None:
        """Return the context window of a model in tokens; None if the server does not say it.

        Raises:
            ModelUnreachableError: the server does not answer.
        """
        return (await self.facts(model)).context

    async def facts(self, model: str) -> ModelFacts:
        """Return what the server tells about a model.

        Raises:
            ModelUnreachableError: the server does not answer.
        """
        properties, models = await self._properties(), await self._models_or_none()
        names = {model, model.removeprefix("models/"), f"models/{model}"}
        fitting = [entry for entry in models if entry.id in names] or (models if len(models) == 1 else ())
        listed = next(iter(fitting), CatalogEntry(model))
        # llama.cpp divides its context among its slots, and lists the one that the model was trained with.
        context = context_in(properties) or listed.context
        return ModelFacts(context, listed.parameters, "default_generation_settings" in properties)

    async def _models_or_none(self) -> tuple[CatalogEntry, ...]:
        try:
            return await self.models()
        except (FailedCall, UnusableOutputError):
            return ()

    async def _properties(self) -> Mapping[str, Any]:
        try:
            value = await self._get("props", self._api.address.below_origin("props"))
        except (FailedCall, UnusableOutputError):
            return {}
        return value if isinstance(value, dict) else {}

    async def _get(self, path: str, url: str) -> Any:  # Any: JSON of any shape
        async with self._api.limits(self._api.target(path, None)):
            body = await self._api.get(url)
        return (await JsonDocument.decode(body)).value


def context_in(entry: Mapping[str, Any]) -> int | None:
    """Return the context window in the description of a model, under whichever name it stands."""
    places = [entry, *(entry[key] for key in _INNER_KEYS if isinstance(entry.get(key), dict))]
    for key in _CONTEXT_KEYS:
        for place in places:
            tokens = place.get(key)
            if isinstance(tokens, int) and not isinstance(tokens, bool) and tokens > 0:
                return tokens
    return None


def parameters_in(entry: Mapping[str, Any]) -> float | None:
    """Return the number of parameters in the description of a model: of llama.cpp, or of Ollama, which rounds it."""
    meta, details = (entry.get(key) for key in ("meta", "details"))
    count = meta.get("n_params") if isinstance(meta, dict) else None
    if isinstance(count, int | float) and 0 < count < _MAX_PARAMETERS:
        return float(count)
    size = details.get("parameter_size") if isinstance(details, dict) else None
    return parameters_of(size) if isinstance(size, str) else None


def _entry(entry: object) -> CatalogEntry | None:
    if isinstance(entry, str):
        return CatalogEntry(entry)
    if not isinstance(entry, dict):
        return None
    name = next((entry[key] for key in ("id", "name", "model") if isinstance(entry.get(key), str)), None)
    return None if name is None else CatalogEntry(name, context_in(entry), parameters_in(entry))
