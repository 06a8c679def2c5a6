"""Checklist manuscript: a checklist, as far as it is made, for documents."""

import msgspec
from msgspec import Raw

from aether.documents.manuscript import Chapter, Manuscript
from aether.documents.markdown_escape import escape_inline, escape_line_start
from aether.domain.checklist import ChecklistRequest, Item
from aether.domain.job import Job, Status
from aether.domain.plain_text import shorten
from aether.domain.stored_request import stored_request_decoder
from aether.workflows.checklist.recipe import checklist_so_far

_MAX_TITLE = 80
_decode = stored_request_decoder(ChecklistRequest).decode


def checklist_manuscript(job: Job, model: str) -> Manuscript:
    """Return the summary, and the items with check boxes and their sources; `model` is the server's own."""
    summary, checklist = checklist_so_far(job)
    items = checklist.items if checklist else ()
    guideline = _decode(job.input).input_text.strip()
    return Manuscript(
        noun="checklist",
        title=shorten(guideline.partition("\n")[0].strip(), _MAX_TITLE),
        job_id=job.id,
        created_at=job.created_at,
        is_complete=job.status is Status.COMPLETED,
        model=model,
        summary=summary.text if summary else "",
        chapters=(Chapter("Checklist", "\n".join(map(_item, items))),) if items else (),
        content=Raw(msgspec.json.encode(items)),
    )


def _item(item: Item) -> str:
    quote = escape_line_start(escape_inline(" ".join(item.quote.split())))
    return f"- [ ] {' '.join(item.text.split())}" + (f"\n  > {quote}\n" if quote else "")
