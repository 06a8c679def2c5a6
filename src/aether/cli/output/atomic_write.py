"""Atomic write: a file is replaced as a whole or not at all."""

import os
from contextlib import suppress
from pathlib import Path


def write_atomically(path: Path, content: bytes, mode: int = 0o666) -> None:
    """Write `content` to `path`; a reader sees the old file or the new one, never a part.

    `mode` is for a new file, and the umask applies. A device or pipe is written to, not replaced.

    Raises:
        OSError: it cannot be written; the old file is unchanged.
    """
    target = path.resolve()  # a link stays a link
    if target.exists() and not target.is_file():
        target.write_bytes(content)
        return
    draft = target.with_name(f".{target.name}.{os.getpid()}.tmp")
    try:
        draft.touch(mode)
        with draft.open("wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        draft.replace(target)
    finally:
        with suppress(FileNotFoundError):
            draft.unlink()
