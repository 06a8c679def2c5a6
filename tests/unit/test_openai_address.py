import pytest

from aether.adapters.openai.address import ModelAddress


@pytest.mark.parametrize(
    ("base_url", "expected"),
    [
        (None, "https://api.openai.com/v1/chat/completions"),
        ("http://localhost:11434", "http://localhost:11434/chat/completions"),
        ("http://localhost:11434/", "http://localhost:11434/chat/completions"),
        ("http://localhost:11434/v1", "http://localhost:11434/v1/chat/completions"),
        ("http://localhost:11434/v1/", "http://localhost:11434/v1/chat/completions"),
        ("https://gateway", "https://gateway/chat/completions"),
        ("HTTPS://gateway/v1//", "https://gateway/v1/chat/completions"),
        ("http://[::1]:8000/v1", "http://[::1]:8000/v1/chat/completions"),
        ("https://gateway/v1/chat/completions", "https://gateway/v1/chat/completions"),
        ("https://gateway/v1/models/", "https://gateway/v1/chat/completions"),
        ("https://ai.example/models", "https://ai.example/models/chat/completions"),
        ("https://g.example/v1beta/openai/", "https://g.example/v1beta/openai/chat/completions"),
        (
            "https://x.example/openai/deployments/gpt?api-version=2025-01-01",
            "https://x.example/openai/deployments/gpt/chat/completions?api-version=2025-01-01",
        ),
        ("https://x.example?key=a%2Fb&c", "https://x.example/chat/completions?key=a%2Fb&c"),
        ("https://user:p%40ss@x.example/v1", "https://x.example/v1/chat/completions"),
    ],
)
def test_an_endpoint_is_joined_to_every_form_of_base_url(base_url: str | None, expected: str) -> None:
    assert ModelAddress.parse(base_url).endpoint("chat/completions") == expected


def test_an_address_for_people_has_no_secrets() -> None:
    address = ModelAddress.parse("https://user:p%40ss@x.example:8443/v1/?key=secret")

    assert address.label("chat/completions") == "https://x.example:8443/v1/chat/completions"
    assert (address.origin, address.label()) == ("https://x.example:8443", "https://x.example:8443/v1")


def test_a_name_and_a_password_become_a_header() -> None:
    assert ModelAddress.parse("https://user:p%40ss@x.example").authorization == "Basic dXNlcjpwQHNz"
    assert ModelAddress.parse("https://x.example").authorization is None


@pytest.mark.parametrize(
    ("base_url", "has_version"),
    [
        ("http://h", False),
        ("http://h/api", False),
        ("http://h/v1", True),
        ("http://h/v1beta/openai", True),
        ("http://v1.h", False),
    ],
)
def test_a_version_in_the_path_is_recognised(base_url: str, has_version: object) -> None:
    assert ModelAddress.parse(base_url).has_version is has_version
