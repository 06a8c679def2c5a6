from collections.abc import Callable
from pathlib import Path

import msgspec
import pytest

from aether.errors import ConfigurationError
from aether.settings import Secret, Settings

KEY = "sk-very-secret"
URL = "redis://:hunter2@db/0"

ALL = {
    "REDIS_URL": URL,
    "AETHER_DATA_DIR": "/srv/aether",
    "AETHER_JOB_TTL": "3600.5",
    "OPENAI_API_KEY": KEY,
    "AETHER_MODEL_CALLS": "7",
    "AETHER_PORT": "0",
    "AETHER_ALLOW_ANONYMOUS": "true",
    "AETHER_LOG_LEVEL": "debug",
}


def test_nothing_needs_to_be_set() -> None:
    settings = Settings.from_env({})

    assert (
        settings.redis_url,
        settings.port,
        settings.allow_anonymous,
        settings.job_ttl,
    ) == (None, 8000, False, 86_400.0)


def test_what_is_set_is_read() -> None:
    settings = Settings.from_env({**ALL, "PATH": "/bin"})

    assert settings.redis_url
    assert (URL, Path("/srv/aether"), 3600.5) == (settings.redis_url.reveal(), settings.data_dir, settings.job_ttl)
    assert (settings.model_calls, settings.port, settings.allow_anonymous, settings.log_level) == (7, 0, True, "debug")


def test_lists_are_separated_by_commas() -> None:
    settings = Settings.from_env({"AETHER_WEBHOOK_SCHEDULE": "0.5,60", "AETHER_WEBHOOK_HOSTS": "localhost,[::1]:9000"})

    assert (settings.webhook_waits, settings.opened_hosts) == ((0.5, 60.0), ("localhost", "[::1]:9000"))
    assert Settings().opened_hosts == ()


def test_a_rate_is_requests_in_seconds() -> None:
    assert Settings.from_env({"AETHER_RATE_LIMIT": "600/60"}).request_rate == (600, 60)
    assert Settings().request_rate is None


def test_an_empty_variable_counts_as_not_set() -> None:
    assert Settings.from_env({}).as_environment() == Settings.from_env(dict.fromkeys(ALL, "")).as_environment()


@pytest.mark.parametrize(
    ("variable", "value", "rule"),
    [
        ("AETHER_PORT", "http", "Expected `int`"),
        ("AETHER_PORT", "65536", "<= 65535"),
        ("AETHER_WORKER_JOBS", "0", ">= 1"),
        ("AETHER_OWNER_JOBS", "0", ">= 1"),
        ("AETHER_JOB_TTL", "0", "> 0"),
        ("AETHER_JOB_TTL", "-1", "> 0"),
        ("AETHER_JOB_TTL", "nan", "AETHER_JOB_TTL"),
        ("AETHER_RETRY_CAP", "soon", "Expected `float`"),
        ("AETHER_ALLOW_ANONYMOUS", "perhaps", "Expected `bool`"),
        ("AETHER_LOG_LEVEL", "loud", "Invalid enum value"),
        ("AETHER_LOG_FORMAT", "xml", "Invalid enum value"),
        ("AETHER_WEBHOOK_SCHEDULE", "5,soon", "matching regex"),
        ("AETHER_WEBHOOK_HOSTS", "localhost, hooks.test", "matching regex"),
        ("AETHER_PUBLIC_URL", "aether.example.com", "matching regex"),
        ("AETHER_MAX_CONNECTIONS", "0", ">= 1"),
        ("AETHER_TRUSTED_PROXIES", "*", "matching regex"),
        ("AETHER_TRUSTED_PROXIES", "proxy.example.com", "matching regex"),
        ("AETHER_CORS_ORIGINS", "*", "matching regex"),
        ("AETHER_CORS_ORIGINS", "null", "matching regex"),
        ("AETHER_CORS_ORIGINS", "https://app.example.com/", "matching regex"),
        ("AETHER_CORS_ORIGINS", "https://*.example.com", "matching regex"),
        ("AETHER_CORS_ORIGINS", "https://App.example.com", "matching regex"),
        ("AETHER_CORS_ORIGINS", "https://app.example.com, https://b.example.com", "matching regex"),
        ("AETHER_RATE_LIMIT", "600", "matching regex"),
        ("AETHER_RATE_LIMIT", "0/60", "matching regex"),
        ("AETHER_RATE_LIMIT", "600/0", "matching regex"),
        ("AETHER_RATE_LIMIT", "600/1.5", "matching regex"),
    ],
)
def test_an_error_names_the_variable_and_the_rule(variable: str, value: str, rule: str) -> None:
    with pytest.raises(ConfigurationError) as refused:
        Settings.from_env({**ALL, variable: value})

    text = str(refused.value)
    assert text.startswith(f"{variable}: ")
    assert rule in text
    assert not {KEY, URL} & set(text.split())


@pytest.mark.parametrize("variable", Settings.__struct_encode_fields__)
def test_settings_survive_the_way_through_an_environment(variable: str) -> None:
    own = {
        "AETHER_OBJECT_STORE": "file:///srv/images",
        "AETHER_PUBLIC_URL": "https://aether.example.com",
        "AETHER_WEBHOOK_HOSTS": "localhost,hooks.test:9000",
        "AETHER_RATE_LIMIT": "600/60",
        "AETHER_OWNER_JOBS": "20",
        "AETHER_CORS_ORIGINS": "https://app.example.com,http://[::1]:3000",
    }
    value = (Settings().as_environment() | own).get(variable, '{"a":1}')  # which is a text, a path and JSON
    given = Settings.from_env({**ALL, variable: value})

    assert given.as_environment() == Settings.from_env(given.as_environment()).as_environment()


def test_a_home_in_the_users_folder_is_meant_as_a_shell_would() -> None:
    assert Path.home() / "aether" == Settings.from_env({"AETHER_DATA_DIR": "~/aether"}).home


@pytest.mark.parametrize("show", [repr, str, "{}".format, lambda settings: f"{settings.openai_api_key}"])
def test_a_secret_shows_itself_to_nobody(show: Callable[[Settings], str]) -> None:
    shown = show(Settings.from_env(ALL))

    assert not [secret for secret in (KEY, "hunter2") if secret in shown]
    assert "Secret(…)" in shown


def test_a_secret_does_not_get_into_json() -> None:
    with pytest.raises(TypeError):
        msgspec.json.encode(Secret(KEY))
