"""One form for everything a process says, its libraries' records included.

Events are dotted facts (`step.finished`) with ids, never with prompts, bodies or keys.
"""

import json
import logging
import sys
from contextlib import suppress
from io import StringIO
from typing import Literal, TextIO

import structlog
from structlog.typing import EventDict, ExcInfo, Processor

LogFormat = Literal["auto", "console", "json"]

# Control characters, separators of lines, and what turns the direction of text.
_CONTROLS = (*range(0x20), *range(0x7F, 0xA0), 0x061C, 0x200E, 0x200F, *range(0x2028, 0x202F), *range(0x2066, 0x206A))
_SPELLED_OUT = {code: ascii(chr(code))[1:-1] for code in _CONTROLS}

# Their own access and job lines repeat what Aether logs with ids.
_TOO_TALKATIVE = ("arq", "uvicorn.access", "httpx2", "httpcore2", "openai", "aiohttp.access")


def configure_logging(level: str = "info", log_format: LogFormat = "auto") -> None:
    """Send structlog's events and the standard library's records to stderr, in one form.

    `auto` is readable lines on a terminal and one JSON object a line anywhere else.
    """
    readable = sys.stderr.isatty() if log_format == "auto" else log_format == "console"
    shared: list[Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
    ]
    rendering = _rendering(readable=readable)
    # Not by way of the standard library, which takes five times as long; the API writes a line for each request.
    structlog.configure(
        processors=[*shared, *rendering],
        logger_factory=_Writer,
        wrapper_class=structlog.make_filtering_bound_logger(level),
        cache_logger_on_first_use=True,
    )
    handler = logging.StreamHandler()
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=shared,
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, *rendering],
        )
    )
    logging.basicConfig(level=level.upper(), handlers=[handler], force=True)
    for name in _TOO_TALKATIVE:
        logging.getLogger(name).setLevel(logging.WARNING)


class _Writer:
    """Writes lines to stderr, if anybody reads it; named after the module that logs."""

    _named = structlog.stdlib.LoggerFactory(ignore_frame_names=[__name__])

    def __init__(self) -> None:
        self.name = self._named().name

    def info(self, line: str) -> None:
        with suppress(OSError, ValueError):
            sys.stderr.write(f"{line}\n")

    debug = warning = error = critical = info


def _rendering(*, readable: bool) -> list[Processor]:
    if readable:
        return [_in_one_line, structlog.dev.ConsoleRenderer(exception_formatter=_indented_traceback)]
    # Without the local variables: they hold bodies, prompts and keys.
    tracebacks = structlog.tracebacks.ExceptionDictTransformer(show_locals=False)
    # One for all lines, as `json.dumps` makes one for each.
    encode = json.JSONEncoder(default=repr).encode
    return [
        structlog.processors.ExceptionRenderer(tracebacks),
        # The one control character that JSON leaves as it is.
        structlog.processors.JSONRenderer(lambda event, **_: encode(event).replace("\x7f", "\\u007f")),
    ]


def _in_one_line(_: object, __: str, event: EventDict) -> EventDict:
    """Spell out what would begin a new line, or command the terminal, in words that came from outside."""
    return {name: value.translate(_SPELLED_OUT) if isinstance(value, str) else value for name, value in event.items()}


def _indented_traceback(stream: TextIO, error: ExcInfo) -> None:
    """Write a traceback so that none of its lines could be taken for an event, whatever the error says."""
    text = StringIO()
    structlog.dev.plain_traceback(text, error)
    stream.writelines(f"\n    {line.translate(_SPELLED_OUT)}" for line in text.getvalue().strip().split("\n"))
