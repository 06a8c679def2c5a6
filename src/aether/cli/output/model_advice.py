"""Model advice: which settings to change, after what was found out about a model."""

from collections.abc import Iterator
from difflib import get_close_matches

from aether.adapters.openai.probe_checks import ProbeResult
from aether.settings import Settings

_SMALL_CONTEXT = 8_192
_ASSUMED_CONTEXT = 128_000
_SLOW_S = 20.0
_MAX_NAMES = 8


def advice(result: ProbeResult, settings: Settings) -> tuple[str, ...]:
    """Return sentences, the most important one first."""
    return (
        *_on_model(result),
        *_on_json(result),
        *_on_context(result, settings),
        *_on_options(result, settings),
    )


def _on_model(result: ProbeResult) -> Iterator[str]:
    listed, answer = result.finding("models"), result.finding("answer")
    if answer is None or answer.result != "fails":
        if answer is not None and (answer.seconds or 0) > _SLOW_S:
            yield "The first answer was slow; AETHER_MODEL_READ_TIMEOUT must be longer than an answer takes."
        return
    if listed is not None and listed.result == "fails":
        yield f"Set AETHER_MODEL to a model of this server: {_names(result)}."


def _names(result: ProbeResult) -> str:
    names = [model.id for model in result.models]
    close = get_close_matches(result.model, names, n=_MAX_NAMES, cutoff=0.5)
    shown = [*close, *(name for name in names if name not in close)][:_MAX_NAMES]
    more = f" and {len(names) - len(shown)} more" if len(names) > len(shown) else ""
    return ", ".join(shown) + more


def _on_json(result: ProbeResult) -> Iterator[str]:
    answer = result.finding("answer")
    if answer is not None and answer.result != "fails" and not result.is_usable:
        yield "Outlines and checklists need JSON, and this model gave none: set AETHER_MODEL to another one."


def _on_context(result: ProbeResult, settings: Settings) -> Iterator[str]:
    if not result.is_usable:
        return
    if result.context is None:
        if settings.model_context is None:
            yield f"Set AETHER_MODEL_CONTEXT if the model reads fewer than {_ASSUMED_CONTEXT} tokens."
    elif settings.model_context is not None and settings.model_context > result.context:
        yield f"Set AETHER_MODEL_CONTEXT to {result.context} or leave it out: the server reads no more tokens."
    elif result.context < _SMALL_CONTEXT:
        yield "The context is small, so guidelines are read in parts; start the server with a larger one if you can."


def _on_options(result: ProbeResult, settings: Settings) -> Iterator[str]:
    for option, name in result.dialect.options.items():
        if option in (settings.model_options or {}):
            action = f"is sent as {name}" if name else "is left out"
            yield f"This model does not accept {option} of AETHER_MODEL_OPTIONS; it {action}."
