"""JSON writer: the result of a job as the API shows it, with what is known about it."""

from typing import Any

import msgspec

from aether.documents.manuscript import Manuscript


def write_json(manuscript: Manuscript, language: str) -> bytes:
    """Return the file: what is known, then the result, named after the kind; `language` is the tag of its language."""
    exported: dict[str, Any] = {  # Any: the values of a JSON object
        "title": manuscript.title,
        "jobId": manuscript.job_id,
        "createdAt": manuscript.created_at,
        "language": language,
        "model": manuscript.model or None,
        "isComplete": manuscript.is_complete,
        "missing": [*manuscript.missing, *(kind.heading for kind in manuscript.missing_derived)],
        manuscript.noun: manuscript.content,
    }
    return msgspec.json.format(msgspec.json.encode(exported), indent=2) + b"\n"
