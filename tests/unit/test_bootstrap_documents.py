from pathlib import Path

import pytest

from aether.bootstrap.documents import document_renderer, model_name
from aether.errors import ConfigurationError
from aether.settings import Secret, Settings


async def test_a_folder_of_fonts_that_does_not_exist_is_told_at_the_start(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match=r"AETHER_FONTS: .*/none is not a folder"):
        async with document_renderer(Settings(fonts=tmp_path / "none")):
            pass

    async with document_renderer(Settings(fonts=tmp_path)) as renderer:
        assert renderer.process_ids == ()


@pytest.mark.parametrize(
    ("settings", "name"),
    [
        (Settings(openai_api_key=Secret("sk"), model="gpt-9"), "gpt-9"),
        (Settings(local_model=Path("/models/Qwen3-8B.gguf")), "Qwen3-8B"),
        (Settings(), "SmolLM2-135M-Instruct"),
    ],
)
def test_a_document_names_the_model_that_writes(settings: Settings, name: str) -> None:
    assert model_name(settings) == name
