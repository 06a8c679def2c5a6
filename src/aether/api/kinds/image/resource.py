"""Image resource: where image generations are, and what they are called."""

from aether.api.jobs.resource import Resource
from aether.domain.job import Kind

GENERATIONS = Resource(
    kind=Kind.IMAGE,
    path="/api/generation",
    noun="generation",
    id_name="generationId",
    about="A prompt in, images out.",
    controller="aether.api.kinds.image.controller:Generations",
)
