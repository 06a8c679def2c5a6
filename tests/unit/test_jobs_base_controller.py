from dataclasses import replace
from typing import ClassVar

import pytest

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
