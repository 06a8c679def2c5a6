"""Image resource: its path and its names."""

from aether.api.jobs.resource import Resource
from aether.domain.job import Kind

GENERATIONS = Resource(
    kind=Kind.IMAGE,
    path="/api/generation",
    noun="generation",
    id_name="generationId",
    about="From a prompt to images.",
    controller="aether.api.kinds.image.controller:Generations",
)
