from pathlib import Path

import pytest

from aether.bootstrap.templates import built_in_templates, server_templates
from aether.domain.template import TemplateSource
from aether.errors import ConfigurationError
from aether.settings import Settings

JSON = '{"title": "Our brief", "sections": [{"title": "About {{company}}"}], "variables": {"company": {}}}'
MARKDOWN = "# Our market\n\n## {{company}}\n\nWhat it sells.\n"


def settings(folder: Path, **files: str) -> Settings:
    for name, content in files.items():
        (folder / name).write_text(content, encoding="utf-8")
    return Settings(templates=folder)


def test_aether_ships_six_templates() -> None:
    found = built_in_templates()

    assert sorted(found) == ["brief", "comparison", "literature-review", "market", "post-mortem", "research"]
    assert {each.source for versions in found.values() for each in versions} == {TemplateSource.BUILT_IN}
    assert server_templates(Settings()) == found


def test_files_of_the_operators_folder_are_templates_and_replace_built_in_ones(tmp_path: Path) -> None:
    names = {"brief.json": JSON, "brief@3.json": JSON, "our-market.md": MARKDOWN, "notes.txt": "x"}
    found = server_templates(settings(tmp_path, **names))

    assert [each.reference for each in found["brief"]] == ["brief@1", "brief@3"]
    assert {each.versions for each in found["brief"]} == {(1, 3)}
    assert found["our-market"][0].template.variables.keys() == {"company"}
    assert (found["our-market"][0].source, found["market"][0].source) == (
        *(TemplateSource.OPERATOR, TemplateSource.BUILT_IN),
    )
    assert "notes" not in found


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        (
            "brief.json",
            '{"title": "T", "sections": [{"title": "A", "lenght": "brief"}]}',
            "sections[0].lenght: is not a",
        ),
        ("brief.json", '{"title": "T",', "brief.json: The body is not valid JSON"),
        ("brief.md", "# T\n", "brief.md: sections: must have at least 1 item"),
        ("Brief.md", MARKDOWN, "Brief.md must be named with 1 to 64 of a-z, 0-9 and hyphens"),
        ("brief@0.json", JSON, "brief@0.json must be named with"),
    ],
)
def test_a_file_that_is_no_template_is_named_at_start(tmp_path: Path, name: str, content: str, message: str) -> None:
    with pytest.raises(ConfigurationError) as caught:
        server_templates(settings(tmp_path, **{name: content}))

    assert str(caught.value).startswith("AETHER_TEMPLATES: ")
    assert message in str(caught.value)


def test_two_files_for_one_version_are_an_error(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="is a version that another file is, too"):
        server_templates(settings(tmp_path, **{"brief.json": JSON, "brief.md": MARKDOWN}))


def test_a_folder_that_is_not_there_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match=r"AETHER_TEMPLATES: .*nowhere cannot be read \(No such file"):
        server_templates(Settings(templates=tmp_path / "nowhere"))
