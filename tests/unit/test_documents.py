"""The documents name what exists: packages, and the targets of their links."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
DOCUMENTS = [*sorted(ROOT.glob("*.md")), *sorted(ROOT.glob("docs/*.md"))]
LINK = re.compile(r"\]\((?!https?:)([^)#]*)(?:#([^)]*))?\)")
SOURCE_PATH = re.compile(r"`((?:[a-z_]+/)+(?:[a-z_]+\.(?:py|lua))?)`")
HISTORY = ("CHANGELOG.md", "DEVLOG.md")  # they name what existed then
BUILT = {"dist/"}
EXAMPLE_KIND = "translation"  # the modules of the kind that adding-a-kind.md adds


def anchors_of(document: Path) -> set[str]:
    headings = re.findall(r"^#+ (.*)$", document.read_text(encoding="utf-8"), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.name)
def test_every_link_has_a_target(document: Path) -> None:
    links = LINK.findall(document.read_text(encoding="utf-8"))
    targets = [((document.parent / path).resolve() if path else document, anchor) for path, anchor in links]

    assert [path for path, _ in targets if not path.exists()] == []
    assert [(path.name, anchor) for path, anchor in targets if anchor and anchor not in anchors_of(path)] == []


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.name)
def test_every_source_path_exists(document: Path) -> None:
    named = set() if document.name in HISTORY else set(SOURCE_PATH.findall(document.read_text(encoding="utf-8")))
    roots = (ROOT, ROOT / "src/aether")

    assert [
        path for path in named - BUILT if EXAMPLE_KIND not in path and not any((root / path).exists() for root in roots)
    ] == []


def test_documents_name_source_paths() -> None:
    assert len(SOURCE_PATH.findall((ROOT / "docs/security.md").read_text(encoding="utf-8"))) > 10


def test_the_layout_in_the_readme_lists_every_package() -> None:
    _, table = (ROOT / "README.md").read_text(encoding="utf-8").split("\n| package | contents |\n")
    packages = {path.parent.name for path in (ROOT / "src/aether").glob("*/__init__.py")}

    assert packages == packages & set(re.findall(r"`(\w+)`", table))
