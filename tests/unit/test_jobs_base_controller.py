from dataclasses import replace
from typing import ClassVar

import pytest
from litestar import Router
from litestar.handlers import HTTPRouteHandler

from tests.example_kind.controller import Translations
from tests.example_kind.resource import TRANSLATIONS


def test_the_handler_that_creates_a_job_is_named_after_the_noun() -> None:
    with pytest.raises(TypeError, match=r"^Renamed needs a handler create_rendering, named after the noun"):

        class Renamed(Translations):
            resource = replace(TRANSLATIONS, noun="rendering")


def test_the_schemas_are_named_after_the_noun() -> None:
    with pytest.raises(TypeError, match=r"^Bare\.examples needs .* TranslationAccepted, TranslationBody, .*Page\.$"):

        class Bare(Translations):
            resource = TRANSLATIONS
            examples: ClassVar = {}


def test_an_irregular_plural_is_used_wherever_there_are_several_jobs() -> None:
    class Several(Translations):
        resource = replace(TRANSLATIONS, irregular_plural="versions")

    handlers = Several(Router("/", route_handlers=[])).get_route_handlers()
    summaries = {each.operation_id: each.summary for each in handlers if isinstance(each, HTTPRouteHandler)}

    assert list(Several.tags or ()) == ["Versions"]
    assert summaries["listVersions"] == "List your versions"
    assert summaries["getTranslation"] == "Watch a translation"
    assert [name for name in summaries if "Translations" in str(name)] == []


def test_by_default_the_plural_is_the_noun_with_an_s() -> None:
    assert (TRANSLATIONS.plural, TRANSLATIONS.tag) == ("translations", "Translations")
