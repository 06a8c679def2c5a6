"""Fake renderer: renders in the process of the test."""

from aether.documents.formats import FormatName
from aether.documents.manuscript import Manuscript
from aether.documents.rendering import Renderer, render


class InlineRenderer(Renderer):
    """Renders at once; a contract test runs the same documents through the real one."""

    async def render(self, manuscript: Manuscript, format_name: FormatName) -> bytes:
        return render(manuscript, format_name)
