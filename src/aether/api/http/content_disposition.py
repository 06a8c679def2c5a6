"""Content-Disposition: the name under which a browser saves a file (RFC 6266)."""

import re
import unicodedata
from typing import Literal
from urllib.parse import quote

_MAX_LENGTH = 100
# What some file system forbids, and what a shell or a person would misread.
_FORBIDDEN = re.compile(r"[\x00-\x1f\x7f\"*/:<>?\\|]")
_RESERVED = re.compile(r"(?:con|prn|aux|nul|com\d|lpt\d)(?:\..*)?", re.IGNORECASE)


def content_disposition(form: Literal["attachment", "inline"], title: str, ending: str) -> str:
    """Return the header for a file with this title, as ASCII and, if that is not the same, in UTF-8 too."""
    name = file_name(title)
    ascii_name = file_name(unicodedata.normalize("NFKD", name).encode("ascii", "ignore").decode())
    header = f'{form}; filename="{ascii_name}{ending}"'
    return header if ascii_name == name else f"{header}; filename*=UTF-8''{quote(name + ending, safe='')}"


def file_name(title: str) -> str:
    """Return the title as the name of a file that every system takes, without an ending."""
    visible = "".join(each for each in title if unicodedata.category(each) not in {"Cc", "Cf", "Cs", "Co", "Cn"})
    words = " ".join(_FORBIDDEN.sub(" ", visible).split())
    name = words[:_MAX_LENGTH].strip(". ")
    return "document" if not name or _RESERVED.fullmatch(name) else name
