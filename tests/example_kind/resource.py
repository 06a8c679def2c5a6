"""Translation resource: its path and its names."""

from aether.api.jobs.resource import Resource
from tests.example_kind import TRANSLATION

TRANSLATIONS = Resource(
    kind=TRANSLATION,
    path="/translations",
    noun="translation",
    id_name="translationId",
    about="From a text to its translation.",
    controller="tests.example_kind.controller:Translations",
)
