"""Exports: the files of reports and checklists over HTTP."""

import io
import sys
from typing import get_args
from urllib.parse import unquote

import msgspec
import pytest
from litestar import Litestar
from litestar.testing import AsyncTestClient
from pypdf import PdfReader

from aether.api.kinds import KINDS
from aether.api.kinds.routers import controller_of
from aether.documents.formats import FORMATS, FormatName
from aether.domain.checklist import Checklist, Item, Summary
from aether.domain.derived_section import DerivedSection, GlossaryEntry
from aether.domain.job import Change, Kind, Problem, Status
from tests.service.api_harness import (
    ApiHarness,
    assert_field_error,
    fail,
    finish_outline,
    finish_section,
    finished_step,
)
from tests.service.resources import CHECKLISTS, UNKNOWN

Client = AsyncTestClient[Litestar]

WRITTEN = (finish_outline("Rise", "Fall"), finish_section(0, "It **rose**."), finish_section(1, "It fell."))
COMPLETED = Change(status=Status.COMPLETED)
PDF = f"/reports/{UNKNOWN}/export/pdf"


async def completed_report(api: ApiHarness, **fields: object) -> str:
    job_id = await api.create_report(request=msgspec.json.encode({"topic": "Rome", **fields}))
    await api.process(job_id, *WRITTEN, COMPLETED)
    return job_id


@pytest.mark.parametrize("name", get_args(FormatName))
async def test_a_report_is_exported_in_every_format(name: FormatName) -> None:
    api = ApiHarness()
    await completed_report(api)
    async with api.client() as client:
        answer = await client.get(f"/reports/{UNKNOWN}/export/{name}")

    assert answer.status_code == 200
    assert answer.headers["Content-Type"].partition(";")[0] == FORMATS[name].media_type
    assert answer.headers["Content-Disposition"] == f'attachment; filename="Rome.{name}"'
    assert answer.headers["Cache-Control"] == "private, no-cache"
    assert len(answer.content) == int(answer.headers["Content-Length"])


async def test_the_document_is_the_report() -> None:
    api = ApiHarness()
    await completed_report(api, model="gpt-9", language="German")
    async with api.client() as client:
        answer = await client.get(f"/reports/{UNKNOWN}/export/md")
        exported = msgspec.json.decode((await client.get(f"/reports/{UNKNOWN}/export/json")).content)
        report = (await client.get(f"/reports/{UNKNOWN}")).json()["report"]

    title, byline, *body = answer.text.split("\n\n")
    assert (title, body) == ("# Rome", ["## I. Rise", "It **rose**.", "## II. Fall", "It fell.\n"])
    assert byline.startswith("*Verfasst von gpt-9 · ")
    assert exported["report"] == report
    assert exported["isComplete"]


async def test_the_document_has_the_sections_that_are_derived_from_others() -> None:
    api = ApiHarness()
    asked = dict.fromkeys(("summary", "conclusion", "key_points", "glossary"), True)
    await api.create_report(request=msgspec.json.encode({"topic": "Rome", **asked}))
    derived = {
        "summary": DerivedSection("In *short*."),
        "keyPoints": DerivedSection(points=("It rose.", "It fell.")),
        "conclusion": DerivedSection("At last."),
        "glossary": DerivedSection(entries=(GlossaryEntry("Consul", "An *office*."),)),
    }
    steps = tuple(finished_step(f"derived:{name}", 9, section) for name, section in derived.items())
    async with api.client() as client:
        await api.process(UNKNOWN, *WRITTEN, Change(steps=steps[:2]))
        partial = await client.get(f"/reports/{UNKNOWN}/export/md?partial=true")
        await api.process(UNKNOWN, Change(steps=steps[2:]), COMPLETED)
        answers = {name: await client.get(f"/reports/{UNKNOWN}/export/{name}") for name in get_args(FormatName)}

    assert "Not written yet: Conclusion, Glossary" in partial.text
    title, _, *body = answers["md"].text.split("\n\n")
    assert [title, *body] == [
        *("# Rome", "## Summary", "In *short*.", "## Key points", "- It rose.\n- It fell."),
        *("## I. Rise", "It **rose**.", "## II. Fall", "It fell.", "## Conclusion", "At last."),
        *("## Glossary", "**Consul:** An *office*.\n"),
    ]
    assert [answer.status_code for answer in answers.values()] == [200] * len(answers)


async def test_a_checklist_is_exported_with_its_quotes() -> None:
    api = ApiHarness()
    job_id = await api.create_job(CHECKLISTS)
    items = Checklist((Item("Wash your hands.", "Wash *your* hands."),))
    steps = finished_step("summary", 0, Summary("Hygiene.")), finished_step("checklist", 1, items)
    await api.process(job_id, Change(total=2, steps=steps), COMPLETED)
    async with api.client() as client:
        answers = {name: await client.get(f"/jobs/{job_id}/export/{name}") for name in ("md", "docx", "pdf", "epub")}
        with_slash = await client.get(f"/jobs/{job_id}/export/md/")

    assert [answer.status_code for answer in answers.values()] == [200, 200, 200, 422]
    assert "## Checklist\n\n- [ ] Wash your hands.\n  > Wash \\*your\\* hands." in answers["md"].text
    assert with_slash.content == answers["md"].content
    assert answers["md"].headers["Content-Disposition"] == 'attachment; filename="Wash your hands.md"'
    assert_field_error(answers["epub"], f"/jobs/{job_id}/export/epub", "format", "must be one of: md, docx, pdf")


async def test_an_unknown_format_names_the_field() -> None:
    async with ApiHarness().client() as client:
        answer = await client.get(f"/reports/{UNKNOWN}/export/odt")

    rule = "must be one of: md, html, pdf, docx, epub, json, txt"
    assert_field_error(answer, f"/reports/{UNKNOWN}/export/odt", "format", rule)


@pytest.mark.parametrize("status", [Status.PENDING, Status.FAILED, Status.CANCELLED])
async def test_a_report_that_is_not_complete_is_exported_only_as_a_part(status: Status) -> None:
    api = ApiHarness()
    await api.create_report()
    changes = {Status.FAILED: fail(Problem("model-failed", "It failed.")), Status.CANCELLED: Change(status=status)}
    await api.process(UNKNOWN, *WRITTEN[:2], *([changes[status]] if status in changes else []))
    async with api.client() as client:
        refused = await client.get(PDF)
        partial = await client.get(PDF, params={"partial": "true"})

    assert refused.status_code == 409
    assert refused.json()["type"] == "urn:aether:problem:not-completed"
    assert "?partial=true" in refused.json()["detail"]
    first_page = PdfReader(io.BytesIO(partial.content)).pages[0].extract_text()
    assert "This document is not complete. Not written yet: II. Fall" in first_page
    assert "It rose." in first_page


async def test_a_copy_is_not_sent_again_and_parts_of_it_are() -> None:
    api = ApiHarness()
    await completed_report(api)
    async with api.client() as client:
        whole = await client.get(PDF)
        tag = whole.headers["ETag"]
        again = await client.get(PDF, headers={"If-None-Match": tag})
        part = await client.get(PDF, headers={"Range": "bytes=2-5", "If-Range": tag})
        beyond = await client.get(PDF, headers={"Range": "bytes=99999999-"})
        head = await client.head(PDF)
        other = await client.get(f"/reports/{UNKNOWN}/export/html", headers={"If-None-Match": tag})

    assert (again.status_code, again.content) == (304, b"")
    assert (part.status_code, part.content) == (206, whole.content[2:6])
    assert beyond.status_code == 416
    assert (head.status_code, head.content) == (200, b"")
    assert head.headers["Content-Length"] == whole.headers["Content-Length"]
    assert other.status_code == 200


@pytest.mark.parametrize(
    ("accept", "media_type"),
    [
        ("application/pdf", "application/pdf"),
        ("application/pdf, application/json;q=0.5", "application/pdf"),
        ("application/json, application/pdf", "application/json"),
        ("text/markdown", "text/markdown"),
        ("application/epub+zip;q=0.9, text/html;q=0.8", "application/epub+zip"),
        ("text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8", "text/html"),
        ("*/*", "application/json"),
        ("application/problem+json", "application/json"),
    ],
)
async def test_a_report_has_the_form_that_the_accept_header_prefers(accept: str, media_type: str) -> None:
    api = ApiHarness()
    await completed_report(api)
    async with api.client() as client:
        answer = await client.get(f"/reports/{UNKNOWN}", headers={"Accept": accept})

    assert answer.status_code == 200
    assert answer.headers["Content-Type"].partition(";")[0] == media_type
    assert "Accept" in answer.headers["Vary"]
    if media_type != "application/json":
        assert answer.headers["Content-Disposition"].startswith("inline")


async def test_a_browser_sees_json_until_the_report_is_complete() -> None:
    api = ApiHarness()
    await api.create_report()
    async with api.client() as client:
        browser = await client.get(f"/reports/{UNKNOWN}", headers={"Accept": "text/html,*/*;q=0.8"})
        only_pdf = await client.get(f"/reports/{UNKNOWN}", headers={"Accept": "application/pdf"})
        odt = await client.get(f"/reports/{UNKNOWN}", headers={"Accept": "application/vnd.oasis.opendocument.text"})

    assert (browser.status_code, browser.json()["status"]) == (200, "pending")
    assert only_pdf.status_code == 409
    assert odt.status_code == 406


async def test_a_page_may_show_its_style_but_run_nothing() -> None:
    api = ApiHarness()
    await completed_report(api, topic="<script>alert(1)</script>")
    async with api.client() as client:
        answer = await client.get(f"/reports/{UNKNOWN}/export/html")

    assert answer.headers["Content-Security-Policy"].startswith("default-src 'none'; style-src 'unsafe-inline'")
    assert "sandbox" in answer.headers["Content-Security-Policy"]
    assert "<script" not in answer.text


@pytest.mark.parametrize(
    ("topic", "ascii_name", "name"),
    [
        ("../../etc/passwd", "etc passwd", "etc passwd"),
        ('a"b\\c/d:e', "a b c d e", "a b c d e"),
        ("Größe & Öl", "Groe & Ol", "Größe & Öl"),
        ("日本", "document", "日本"),
        ("CON", "document", "document"),
        ("x" * 300, "x" * 100, "x" * 100),
    ],
)
async def test_the_name_of_the_file_is_safe(topic: str, ascii_name: str, name: str) -> None:
    api = ApiHarness()
    await completed_report(api, topic=topic)
    async with api.client() as client:
        header = (await client.get(f"/reports/{UNKNOWN}/export/txt")).headers["Content-Disposition"]

    first, _, second = header.partition("; filename*=UTF-8''")
    assert first == f'attachment; filename="{ascii_name}.txt"'
    assert unquote(second) == ("" if name == ascii_name else f"{name}.txt")


async def test_a_script_without_a_font_is_a_problem_that_says_what_would_help() -> None:
    api = ApiHarness()
    await api.create_report()
    await api.process(UNKNOWN, finish_outline("Rise"), finish_section(0, "a \u0378 b"), COMPLETED)
    async with api.client() as client:
        answer = await client.get(PDF)

    assert (answer.status_code, answer.json()["type"]) == (422, "urn:aether:problem:missing-font")
    assert "AETHER_FONTS" in answer.json()["detail"]


async def test_a_format_that_is_not_installed_is_told_before_the_job_is_looked_for(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """So that a client can find out before it asks for a report."""
    monkeypatch.setitem(sys.modules, "typst", None)  # as if it were not installed
    async with ApiHarness().client() as client:
        answer = await client.get(PDF)

    assert (answer.status_code, answer.json()["type"]) == (501, "urn:aether:problem:missing-extra")
    assert "extra `pdf`" in answer.json()["detail"]


async def test_a_read_token_opens_the_export_of_its_job_only() -> None:
    api = ApiHarness(allow_anonymous=False)
    owner = await api.authorization("owner")
    await api.create_report(owner="owner")
    await api.process(UNKNOWN, *WRITTEN, COMPLETED)
    async with api.client() as client:
        token = (await client.post(f"/reports/{UNKNOWN}/token", headers=owner)).json()["token"]
        opened = await client.get(PDF, params={"access_token": token})
        other = await client.get(PDF, headers=await api.authorization("other"))
        unknown = await client.get(PDF.replace("0000-4", "0001-4"), headers=owner)
        without = await client.get(PDF)

    assert opened.status_code == 200
    assert [answer.status_code for answer in (other, unknown, without)] == [404, 404, 401]
    assert other.json()["detail"] == unknown.json()["detail"]


def test_the_document_describes_exports_as_bytes() -> None:
    app = ApiHarness().local_app()
    document = app.openapi_schema.to_schema()
    for kind in (Kind.REPORT, Kind.CHECKLIST):
        resource = KINDS[kind]
        operation = document["paths"][f"{resource.path}/{{{resource.id_name}}}/export/{{format}}"]["get"]
        content = operation["responses"]["200"]["content"]
        served = [FORMATS[name].media_type for name in controller_of(resource).formats]  # type: ignore[attr-defined]  # of kinds with documents
        assert list(content) == ["application/octet-stream", *served]
        # Clients save JSON as it is, too; but a validator parses it first.
        schemas = {media_type: each["schema"] for media_type, each in content.items()}
        assert schemas.pop("application/json", {"type": "object"}) == {"type": "object"}
        assert all(schema == {"type": "string", "format": "binary"} for schema in schemas.values())
