"""Telemetry: one log format for a whole process, its libraries included.

Event names are dotted facts (`step.finished`). Events contain ids, but never prompts, bodies or keys.
"""

import json
import logging
import sys
from collections.abc import Iterable
from contextlib import suppress
from io import StringIO
from typing import Literal, TextIO

import structlog
from structlog.typing import EventDict, ExcInfo, Processor

from aether.setting_names import UnknownSetting

LogFormat = Literal["auto", "console", "json"]

# Control characters, line separators, and characters that change the direction of text.
_CONTROLS = (*range(0x20), *range(0x7F, 0xA0), 0x061C, 0x200E, 0x200F, *range(0x2028, 0x202F), *range(0x2066, 0x206A))
_ESCAPES = {code: ascii(chr(code))[1:-1] for code in _CONTROLS}

# Their access and job lines repeat what Aether logs with ids.
_NOISY_LOGGERS = ("arq", "uvicorn.access", "httpx2", "httpcore2", "openai", "aiohttp.access")


def configure_logging(level: str = "info", log_format: LogFormat = "auto") -> None:
    """Write structlog's events and the standard library's records to stderr in one format.

    `auto` writes readable lines to a terminal, and one JSON object per line to anything else.
    """
    readable = sys.stderr.isatty() if log_format == "auto" else log_format == "console"
    shared: list[Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
    ]
    renderers = _renderers(readable=readable)
    # The standard library takes five times as long, and the API writes a line for each request.
    structlog.configure(
        processors=[*shared, *renderers],
        logger_factory=_Writer,
        wrapper_class=structlog.make_filtering_bound_logger(level),
        cache_logger_on_first_use=True,
    )
    handler = logging.StreamHandler()
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=shared,
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, *renderers],
        )
    )
    logging.basicConfig(level=level.upper(), handlers=[handler], force=True)
    for name in _NOISY_LOGGERS:
        logging.getLogger(name).setLevel(logging.WARNING)


def log_unknown_settings(unknown: Iterable[UnknownSetting]) -> None:
    """Log environment variables that look like settings but are not, by their names: a value may be a secret."""
    for variable in unknown:
        structlog.get_logger().warning("settings.unknown", setting=variable.name, nearest=variable.nearest)


class _Writer:
    """Writes lines to stderr, ignoring errors; its name is that of the module that logs."""

    _named = structlog.stdlib.LoggerFactory(ignore_frame_names=[__name__])

    def __init__(self) -> None:
        self.name = self._named().name

    def info(self, line: str) -> None:
        with suppress(OSError, ValueError):
            sys.stderr.write(f"{line}\n")

    debug = warning = error = critical = info


def _renderers(*, readable: bool) -> list[Processor]:
    if readable:
        return [_escape_controls, structlog.dev.ConsoleRenderer(exception_formatter=_indented_traceback)]
    # No local variables: they contain bodies, prompts and keys.
    tracebacks = structlog.tracebacks.ExceptionDictTransformer(show_locals=False)
    # One encoder for all lines: `json.dumps` with a default creates one per call.
    encode = json.JSONEncoder(default=repr).encode
    return [
        structlog.processors.ExceptionRenderer(tracebacks),
        # JSON does not escape this control character.
        structlog.processors.JSONRenderer(lambda event, **_: encode(event).replace("\x7f", "\\u007f")),
    ]


def _escape_controls(_: object, __: str, event: EventDict) -> EventDict:
    """Escape characters in values that would start a new line or control the terminal."""
    return {name: value.translate(_ESCAPES) if isinstance(value, str) else value for name, value in event.items()}


def _indented_traceback(stream: TextIO, error: ExcInfo) -> None:
    """Write a traceback indented and escaped, so that no line of it looks like an event."""
    text = StringIO()
    structlog.dev.plain_traceback(text, error)
    stream.writelines(f"\n    {line.translate(_ESCAPES)}" for line in text.getvalue().strip().split("\n"))
