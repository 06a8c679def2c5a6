"""Translation resource: where translations are, and what they are called."""

from aether.api.jobs.resource import Resource
from tests.example_kind import TRANSLATION

TRANSLATIONS = Resource(
    kind=TRANSLATION,
    path="/translations",
    noun="translation",
    id_name="jobId",
    about="A text in, the same text in another language out.",
    controller="tests.example_kind.controller:Translations",
)
