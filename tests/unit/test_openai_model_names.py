import pytest

from aether.adapters.openai.model_names import is_for_chat, parameters_of, writes_english_only


@pytest.mark.parametrize(
    ("name", "billions"),
    [
        ("qwen2.5:0.5b", 0.5),
        ("SmolLM2-135M-Instruct.Q4_1", 0.135),
        ("meta-llama/Llama-3.2-1B-Instruct", 1),
        ("gemma-3-270m-it", 0.27),
        ("qwen3:30b-a3b", 30),
        ("Mixtral-8x7B-Instruct-v0.1", 56),
        ("gemma3n:e2b", 2),
        ("Qwen2.5-7B-Instruct-1M", 7),
        ("Qwen3-0.6B_Q4_K_M.gguf", 0.6),
        ("gpt-oss-20b", 20),
        ("kimi-k2-1t", 1_000),
        ("gpt-4.1-mini", None),
        ("llama3.2:latest", None),
        ("claude-sonnet-4.5[1m]", None),
        ("phi-3-mini-128k-instruct-4bit", None),
        ("model.q8_0", None),
        ("", None),
    ],
)
def test_a_name_tells_how_large_a_model_is(name: str, billions: float | None) -> None:
    assert parameters_of(name) == (None if billions is None else pytest.approx(billions * 1e9))


@pytest.mark.parametrize(
    ("name", "known"),
    [("SmolLM2-135M-Instruct.Q4_1", True), ("smollm2:1.7b", True), ("SmolLM3-3B", False), ("qwen2.5:0.5b", False)],
)
def test_few_models_are_known_to_write_english_only(name: str, *, known: bool) -> None:
    assert writes_english_only(name) is known


@pytest.mark.parametrize(
    "name",
    [
        "nomic-embed-text:latest",
        "text-embedding-3-large",
        "BAAI/bge-reranker-v2-m3",
        "all-minilm:22m",
        "whisper-large-v3",
        "kokoro-82m",
        "gpt-4o-mini-tts",
        "black-forest-labs/FLUX.1-dev",
        "gpt-image-2",
        "llama-guard3:8b",
        "omni-moderation-latest",
    ],
)
def test_models_for_other_tasks_are_told_by_their_names(name: str) -> None:
    assert not is_for_chat(name)


@pytest.mark.parametrize(
    "name", ["qwen2.5:7b", "llama3.2:latest", "mistral-nemo", "google/gemma-3-4b", "deepseek-r1:8b", "gpt-oss:20b"]
)
def test_any_other_model_is_taken_for_one_to_talk_with(name: str) -> None:
    assert is_for_chat(name)
