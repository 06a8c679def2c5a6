"""Render process: reads manuscripts from standard input and writes files to standard output, one after the other."""

import os
import resource
import signal
import sys
import traceback
from contextlib import suppress
from pathlib import Path
from typing import BinaryIO

from aether.adapters.local.rendering.messages import (
    HEADER,
    Failed,
    FontMissing,
    Rendered,
    RenderRequest,
    Reply,
    TooLarge,
    decode_request,
    frame,
)
from aether.documents.errors import DocumentTooLargeError, MissingFontError
from aether.documents.rendering import render

MAX_SECONDS = 30
MAX_MEMORY = 2 * 1024 * 1024 * 1024
"""Bytes of address space; fonts, which are mapped into it, take a part."""
_NICENESS = 10  # a caller waits longer for a file than for an answer of the API
_ALARM_AFTER_S = MAX_SECONDS + 5  # by then the parent has killed this process, unless it is gone itself


def main() -> None:
    """Render until standard input ends, as it does when the parent ends in whatever way."""
    _limit()
    fonts = Path(sys.argv[1]) if sys.argv[1:] else None
    source, target = sys.stdin.buffer, sys.stdout.buffer
    while (request := _read(source)) is not None:
        signal.alarm(_ALARM_AFTER_S)
        target.write(frame(_reply(request, fonts)))
        target.flush()
        signal.alarm(0)


def _limit() -> None:
    os.nice(_NICENESS)
    for kind, limit in ((resource.RLIMIT_AS, MAX_MEMORY), (resource.RLIMIT_CORE, 0), (resource.RLIMIT_FSIZE, 0)):
        with suppress(ValueError, OSError):  # macOS does not know the limit of address space
            resource.setrlimit(kind, (limit, limit))


def _read(source: BinaryIO) -> RenderRequest | None:
    header = source.read(HEADER.size)
    if len(header) < HEADER.size:
        return None
    (length,) = HEADER.unpack(header)
    return decode_request(source.read(length))


def _reply(request: RenderRequest, fonts: Path | None) -> Reply:
    try:
        return Rendered(render(request.manuscript, request.format_name, fonts))
    except MissingFontError as error:
        return FontMissing(error.scripts, error.fonts, error.examples)
    except DocumentTooLargeError as error:
        return TooLarge(str(error))
    except MemoryError:
        return TooLarge("The document takes more memory than it may.")
    except Exception:  # noqa: BLE001 - the parent logs it
        return Failed(traceback.format_exc())


if __name__ == "__main__":
    main()
