"""Revision: checks the finished sections of a report by code, and has faulty ones written again, once."""

from collections.abc import Iterable
from functools import partial

from msgspec import UNSET
from msgspec.structs import replace

from aether.domain.finding import Finding
from aether.domain.report import Section
from aether.domain.report_request import Checks, ReportRequest
from aether.domain.revision import Rewrite, Verdict
from aether.durable.run import Run
from aether.durable.step import describe_error
from aether.errors import AetherError
from aether.workflows.llm.text_thread import work_on_text
from aether.workflows.report.draft import Draft
from aether.workflows.report.ports import Writer
from aether.workflows.report.quality.findings import faults_in_words, weight
from aether.workflows.report.quality.language import Languages, detect_languages
from aether.workflows.report.quality.sections import check_sections


def revision_steps(request: ReportRequest) -> tuple[str, ...]:
    """Name the steps of a revision that are known before it."""
    return () if request.checks in {UNSET, Checks.OFF} else ("check",)


async def revise(run: Run, draft: Draft, writer: Writer) -> Draft:
    """Check the sections; write the worst half of them, rounded up, again, and keep what has fewer faults than before.

    No rewrite is the reason that a job fails: a section that cannot be written again stays as it is.
    """
    if not revision_steps(draft.request):
        return draft

    async def judge() -> Verdict:
        verdict = await work_on_text(partial(_judge, draft), draft.characters)
        return _within_budget(verdict, draft, writer, run.tokens_left) if verdict.rewrites else verdict

    async def rewrite(position: int) -> Rewrite:
        section = await writer.rewrite_section(draft, position, faults_in_words(verdict.findings_of(position)))
        return await work_on_text(partial(_compare, draft, verdict, position, section), draft.characters)

    verdict = await run.compute("check", judge, Verdict)
    titles = {position: draft.outline.headings[position] for position in verdict.rewrites}
    rewrites = await run.attempt_all("rewrite", titles, rewrite, Rewrite, _failed) if titles else {}
    return draft.with_sections(kept_sections(rewrites.items()))


def kept_sections(rewrites: Iterable[tuple[int, Rewrite]]) -> dict[int, Section]:
    """Return the sections, by position, that replace others."""
    return {position: rewrite.section for position, rewrite in rewrites if rewrite.section is not None}


def _judge(draft: Draft) -> Verdict:
    languages = detect_languages(draft.texts)
    verdict = Verdict(_check(draft, languages), (), languages.sections, languages.detector)
    if draft.request.checks != Checks.REWRITE:
        return verdict
    return replace(verdict, rewrites=_worst(verdict, -(-len(draft.sections) // 2)))


def _check(draft: Draft, languages: Languages) -> tuple[Finding, ...]:
    return check_sections(draft.texts, draft.assignment, languages)


def _worst(verdict: Verdict, count: int) -> tuple[int, ...]:
    """Return the positions of the sections to be written again, those with the heaviest faults first."""
    faulty = {finding.section for finding in verdict.findings if finding.section is not None and finding.needs_rewrite}
    weights = {position: weight(verdict.findings_of(position)) for position in faulty}
    return tuple(sorted(faulty, key=lambda position: (-weights[position], position)))[:count]


def _within_budget(verdict: Verdict, draft: Draft, writer: Writer, tokens: int | None) -> Verdict:
    """Leave out the rewrites for which there are no tokens; what is derived from the sections comes first."""
    if tokens is None:
        return verdict
    tokens -= sum(writer.estimate_derivation(draft, kind) for kind in draft.request.derived)
    affordable = []
    for position in verdict.rewrites:
        tokens -= writer.estimate_rewrite(draft, position, faults_in_words(verdict.findings_of(position)))
        if tokens < 0:
            break
        affordable.append(position)
    return replace(verdict, rewrites=tuple(affordable))


def _compare(draft: Draft, verdict: Verdict, position: int, section: Section) -> Rewrite:
    """Tell whether a section that was written again has fewer faults than the one before."""
    (language,) = detect_languages([section.text]).sections
    languages = list(verdict.languages)
    languages[position] = language
    findings = _check(draft.with_sections({position: section}), Languages(verdict.detector, tuple(languages)))
    found = replace(verdict, findings=findings).findings_of(position)
    before, after = weight(verdict.findings_of(position)), weight(found)
    return Rewrite(section, before, after, found, language=language) if after < before else Rewrite(None, before, after)


def _failed(error: AetherError) -> Rewrite:
    return Rewrite(error=describe_error(error))
