"""Composer: makes a document out of a manuscript."""

import re
from collections.abc import Callable, Iterable, Iterator

from msgspec import UNSET
from msgspec.structs import replace

from aether.documents.direction import direction_of
from aether.documents.errors import DocumentTooLargeError
from aether.documents.labels import Labels, labels_of
from aether.documents.language import direction_of_language, language_of
from aether.documents.manuscript import CitedSource, Manuscript
from aether.documents.markdown_parser import parse_markdown
from aether.documents.model import (
    Block,
    Blocks,
    Document,
    Entries,
    Entry,
    List,
    ListItem,
    Paragraph,
    Part,
    Quote,
    Span,
    Spans,
    Table,
    spans_of,
)
from aether.documents.span_parser import merge, web_address
from aether.domain.plain_text import clean

MAX_CHARACTERS = 2_000_000
_NOT_CHARACTERS = re.compile(r"[\ufdd0-\ufdef\ufffe\uffff]|[\U0001fffe\U0001ffff]")  # no format has a place for them
_MARKER = re.compile(r"\[(\d{1,4})\]")


def compose(manuscript: Manuscript) -> Document:
    """Parse the texts, and arrange them with the words of a document in their language.

    Raises:
        DocumentTooLargeError: the texts are longer than a document may be.
    """
    size = sum(map(len, manuscript.prose))
    if size > MAX_CHARACTERS:
        raise DocumentTooLargeError(f"The text has {size} characters; a document may have {MAX_CHARACTERS}.")
    return _Composer(manuscript).document()


def _cleaned(text: str) -> str:
    return _NOT_CHARACTERS.sub("\ufffd", clean(text))


def _line(text: str) -> str:
    return " ".join(_cleaned(text).split())


class _Composer:
    def __init__(self, manuscript: Manuscript) -> None:
        self._manuscript = manuscript
        self._language = language_of(manuscript.language, manuscript.prose)
        self._direction = direction_of_language(self._language)
        self._labels: Labels = labels_of(self._language)
        self._sources = {source.number: source for source in manuscript.sources}
        self._notes: list[tuple[Blocks, str]] = []

    def document(self) -> Document:
        manuscript, labels = self._manuscript, self._labels
        title = _line(manuscript.title)
        lead, parts = tuple(self._lead()), tuple(self._parts())
        parts += tuple(self._entries((*lead, *parts)))
        created = manuscript.created_at.date().isoformat()
        author = labels.written_by.format(_line(manuscript.model)) if manuscript.model else ""
        return Document(
            title=title,
            title_direction=direction_of(title, self._direction),
            language=self._language,
            direction=self._direction,
            model=_line(manuscript.model),
            byline=" · ".join(filter(None, (author, created))),
            identifier=f"urn:uuid:{manuscript.job_id}",
            job_id=manuscript.job_id,
            created_at=manuscript.created_at.isoformat(),
            contents_heading=labels.contents,
            notice=UNSET if manuscript.is_complete else self._notice(),
            lead=lead,
            parts=parts,
        )

    def _notice(self) -> str:
        derived = map(self._labels.of, self._manuscript.missing_derived)
        missing = ", ".join((*map(_line, self._manuscript.missing), *derived))
        return " ".join([self._labels.unfinished, *([self._labels.missing.format(missing)] if missing else [])])

    def _lead(self) -> Iterator[Part]:
        if self._manuscript.summary.strip():
            yield self._part("summary", self._labels.summary, lambda: self._blocks(self._manuscript.summary, "summary"))
        if self._manuscript.key_points:
            yield self._part("key-points", self._labels.key_points, self._key_points)

    def _parts(self) -> Iterator[Part]:
        manuscript, labels = self._manuscript, self._labels
        for number, chapter in enumerate(manuscript.chapters, start=1):
            part_id = f"section-{number}"
            yield self._part(part_id, chapter.heading, lambda: self._blocks(chapter.text, part_id))  # noqa: B023 - called at once
        if manuscript.conclusion.strip():
            yield self._part("conclusion", labels.conclusion, lambda: self._blocks(manuscript.conclusion, "conclusion"))
        if manuscript.glossary:
            yield self._part("glossary", labels.glossary, self._glossary)

    def _part(self, part_id: str, heading: str, blocks: Callable[[], Blocks]) -> Part:
        line = _line(heading)
        return Part(part_id, line, blocks(), direction_of(line, self._direction))

    def _blocks(self, text: str, part_id: str) -> Blocks:
        blocks, notes = parse_markdown(_cleaned(text), self._direction, len(self._notes) + 1)
        self._notes += [(self._with_citations(note), part_id) for note in notes]
        return self._with_citations(blocks)

    def _key_points(self) -> Blocks:
        points = (self._blocks(point, "key-points") for point in self._manuscript.key_points)
        return (List(tuple(map(ListItem, points)), direction=self._direction),)

    def _glossary(self) -> Blocks:
        return tuple(self._glossary_entry(each.term, each.definition) for each in self._manuscript.glossary)

    def _glossary_entry(self, term: str, definition: str) -> Block:
        blocks = self._blocks(definition, "glossary")
        rest = blocks[0].spans if blocks and isinstance(blocks[0], Paragraph) else (Span(_line(definition)),)
        return Paragraph((Span(f"{_line(term)}: ", bold=True), *rest), self._direction)

    def _entries(self, parts: Iterable[Part]) -> Iterator[Part]:
        """Yield the footnotes, then the sources that are cited."""
        notes = tuple(
            Entry(f"note-{number}", f"{number}", blocks, part_id)
            for number, (blocks, part_id) in enumerate(self._notes, start=1)
        )
        cited = {
            span.target: part.id for part in reversed(tuple(parts)) for span in spans_of(part.blocks) if span.target
        }
        cited |= {span.target: "notes" for note in notes for span in spans_of(note.blocks) if span.target not in cited}
        sources = tuple(
            Entry(f"source-{number}", f"[{number}]", self._source(source), cited[f"source-{number}"])
            for number, source in sorted(self._sources.items())
            if f"source-{number}" in cited
        )
        if notes:
            yield self._part("notes", self._labels.notes, lambda: (Entries(notes),))
        if sources:
            yield self._part("sources", self._labels.sources, lambda: (Entries(sources),))

    def _source(self, source: CitedSource) -> Blocks:
        title, url, quote = _line(source.title), _line(source.url), _line(source.quote)
        date = source.read_on.isoformat() if source.read_on else ""
        known = (Span(title), Span(url, url=web_address(url)), Span(date and f"({date})"), Span(quote and f"“{quote}”"))
        spaced = [part for each in known if each.text for part in (Span(" "), each)]
        return (Paragraph(merge(spaced[1:]), self._direction),)

    def _with_citations(self, blocks: Blocks) -> Blocks:
        return tuple(map(self._cite, blocks)) if self._sources else blocks

    def _cite(self, block: Block) -> Block:
        match block:
            case Paragraph():
                return replace(block, spans=self._cite_spans(block.spans))
            case List():
                return replace(
                    block, items=tuple(replace(item, blocks=self._with_citations(item.blocks)) for item in block.items)
                )
            case Quote():
                return replace(block, blocks=self._with_citations(block.blocks))
            case Table():
                rows = tuple(tuple(map(self._cite_spans, row)) for row in block.rows)
                return replace(block, rows=rows)
            case _:
                return block

    def _cite_spans(self, spans: Spans) -> Spans:
        return tuple(part for span in spans for part in self._split(span))

    def _split(self, span: Span) -> Iterator[Span]:
        """Make references of the markers of known sources."""
        if span.code or span.url or span.target or "[" not in span.text:
            yield span
            return
        at = 0
        for found in _MARKER.finditer(span.text):
            if (number := int(found[1])) in self._sources:
                if before := span.text[at : found.start()]:
                    yield replace(span, text=before)
                yield Span(f"[{number}]", target=f"source-{number}")
                at = found.end()
        if rest := span.text[at:]:
            yield replace(span, text=rest)
