"""Revision: checks the finished sections of a report by code, and has faulty ones written again, once."""

from collections.abc import Callable, Sequence
from functools import partial

from msgspec import UNSET

from aether.domain.finding import Finding
from aether.domain.report import Checks, Outline, ReportRequest, Section
from aether.domain.revision import Rewrite, Verdict
from aether.durable.run import Run
from aether.durable.step import describe_error
from aether.workflows.llm.text_thread import work_on_text
from aether.workflows.report.ports import DerivedWriter, Writer
from aether.workflows.report.prompts import WORDS
from aether.workflows.report.quality.findings import faults_in_words, weight
from aether.workflows.report.quality.language import Languages, detect_languages
from aether.workflows.report.quality.sections import check_sections

_Cost = Callable[[int, Sequence[str]], int]


def revision_steps(request: ReportRequest) -> tuple[str, ...]:
    """Name the steps of a revision that are known before it."""
    return () if request.checks in {UNSET, Checks.OFF} else ("check",)


async def revise(
    run: Run,
    request: ReportRequest,
    outline: Outline,
    sections: Sequence[Section],
    writer: Writer,
    derived_writer: DerivedWriter,
) -> list[Section]:
    """Check the sections; write the worst again, at most half of them, and keep what has fewer faults than before.

    A rewrite is never the reason that a job fails: what cannot be written again stays as it is. No tokens are taken
    from the derived sections.
    """
    if not revision_steps(request):
        return list(sections)
    review = Review(request, outline, sections)

    def estimate(position: int, faults: Sequence[str]) -> int:
        return writer.estimate_rewrite(request, outline, position, sections[position].text, faults)

    async def judge() -> Verdict:
        reserved = sum(derived_writer.estimate_derivation(request, outline, sections, kind) for kind in request.derived)
        tokens = None if run.tokens_left is None else run.tokens_left - reserved
        return await review.judge(tokens, estimate)

    async def rewrite(position: int) -> Rewrite:
        text, faults = sections[position].text, faults_in_words(found_in(position, verdict.findings))
        section = await writer.rewrite_section(request, outline, position, text, faults)
        return await review.compare(position, section, verdict)

    def keep_old(error: AetherError) -> Rewrite:
        return Rewrite(error=describe_error(error))

    verdict = await run.compute("check", judge, Verdict)
    titles = {position: outline.headings[position] for position in verdict.rewrites}
    rewrites = await run.attempt_all("rewrite", titles, rewrite, Rewrite, keep_old) if titles else {}
    return with_rewrites(sections, rewrites)
