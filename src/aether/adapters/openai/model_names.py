"""Model names: what the name of a model says about it, by the conventions of those who publish models."""

import re

_SIZE = re.compile(
    r"(?<![a-z\d.])(?:(?P<experts>\d{1,3})x|e)?(?P<number>\d{1,4}(?:\.\d{1,3})?)(?P<unit>[bmt])(?![a-z\d])"
)
_UNITS = {"m": 1e6, "b": 1e9, "t": 1e12}
_LEAST = 10e6
"""Parameters; "1m" in a name is the length of a context."""
_SMALL = 1e9
"""Parameters; a model of half a billion still had a fault in 8 of 15 sections with the full prompts."""

_ENGLISH_ONLY = re.compile(r"smollm2?(?!\d)|tinyllama|tinystories|gpt-?2(?!\d)|pythia")

_OTHER_TASKS = re.compile(
    r"embed|rerank|reranker|bge-|\be5-|gte-|minilm|colbert|clip|whisper|parakeet|transcri|\btts\b|speech|kokoro|bark|piper"
    r"|stable-diffusion|sdxl|flux|diffusion|image|dall-?e|imagen|moderation|guard|classif|reward|ocr|davinci-002"
    r"|babbage|draft|\bbase\b|sora|video|realtime|audio"
)


def parameters_of(name: str) -> float | None:
    """Return how many parameters a model has by its name, such as `qwen2.5:0.5b` or `Mixtral-8x7B`; None: unknown."""
    found = (_parameters(match) for match in _SIZE.finditer(name.casefold().replace("_", "-")))
    return max((size for size in found if size >= _LEAST), default=None)


def is_small(parameters: float | None) -> bool:
    """Whether a model of this size drowns in long instructions; of unknown size, it is taken for a large one."""
    return parameters is not None and parameters < _SMALL


def writes_english_only(name: str) -> bool:
    """Whether the model is known to write no other language."""
    return _ENGLISH_ONLY.search(name.casefold()) is not None


def is_for_chat(name: str) -> bool:
    """Whether nothing in the name says that the model is for another task, such as embeddings, speech or images."""
    return _OTHER_TASKS.search(name.casefold().replace("_", "-")) is None


def _parameters(match: re.Match[str]) -> float:
    return int(match["experts"] or 1) * float(match["number"]) * _UNITS[match["unit"]]
