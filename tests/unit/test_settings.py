from collections.abc import Callable
from pathlib import Path

import msgspec
import pytest
from msgspec.structs import replace

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


def test_every_setting_has_a_default() -> None:
    settings = Settings.from_env({})

    assert (
        settings.redis_url,
        settings.port,
        settings.allow_anonymous,
        settings.job_ttl,
    ) == (None, 8000, False, 86_400.0)


def test_variables_are_read() -> None:
    settings = Settings.from_env({**ALL, "PATH": "/bin"})

    assert settings.redis_url
    assert (URL, Path("/srv/aether"), 3600.5) == (settings.redis_url.reveal(), settings.data_dir, settings.job_ttl)
    assert (settings.model_calls, settings.port, settings.allow_anonymous, settings.log_level) == (7, 0, True, "debug")


def test_lists_are_separated_by_commas() -> None:
    settings = Settings.from_env({"AETHER_WEBHOOK_SCHEDULE": "0.5,60", "AETHER_WEBHOOK_HOSTS": "localhost,[::1]:9000"})

    assert (settings.webhook_waits, settings.allowed_webhook_hosts) == ((0.5, 60.0), ("localhost", "[::1]:9000"))
    assert Settings().allowed_webhook_hosts == ()


@pytest.mark.parametrize("name", ["aether:queue", "aether:queue:eu", "reports", "Reports_2.eu-west:jobs", "q" * 64])
def test_the_queue_has_a_name_of_its_own(name: str) -> None:
    assert Settings.from_env({"AETHER_QUEUE": name}).queue == name


def test_a_rate_limit_is_requests_in_seconds() -> None:
    assert Settings.from_env({"AETHER_RATE_LIMIT": "600/60"}).request_rate == (600, 60)
    assert Settings().request_rate is None


def test_an_empty_variable_counts_as_not_set() -> None:
    assert Settings.from_env({}).as_environment() == Settings.from_env(dict.fromkeys(ALL, "")).as_environment()


@pytest.mark.parametrize(
    ("variable", "value", "rule"),
    [
        ("AETHER_PORT", "http", "a whole number, 0 to 65535"),
        ("AETHER_PORT", "65536", "a whole number, 0 to 65535"),
        ("AETHER_WORKER_JOBS", "0", "1 or more"),
        ("AETHER_QUEUE", "arq:queue", "must not begin with arq:"),
        ("AETHER_QUEUE", "arq:job:x", "must not begin with arq:"),
        ("AETHER_QUEUE", "aether:webhooks", "except for aether:queue"),
        ("AETHER_QUEUE", "aether", "nor be aether"),
        ("AETHER_QUEUE", "a" * 65, "1 to 64 letters"),
        ("AETHER_QUEUE", "reports\n", "1 to 64 letters"),
        ("AETHER_QUEUE", "two words", "1 to 64 letters"),
        ("AETHER_OWNER_JOBS", "0", "1 or more"),
        ("AETHER_OWNER_JOBS", "few", "1 or more"),
        ("AETHER_MODEL_CONTEXT", "2047", "2048 or more"),
        ("AETHER_JOB_TTL", "0", "more than 0"),
        ("AETHER_JOB_TTL", "-1", "more than 0"),
        ("AETHER_JOB_TTL", "nan", "a number of seconds"),
        ("AETHER_RETRY_CAP", "soon", "a number of seconds"),
        ("AETHER_JWT_LEEWAY", "301", "0 to 300"),
        ("AETHER_JWT_ALGORITHMS", "HS256", "some of RS256"),
        ("AETHER_JWT_SCOPES", "all", "some of read, write and admin"),
        ("AETHER_ALLOW_ANONYMOUS", "perhaps", "true or false"),
        ("AETHER_LOG_LEVEL", "loud", "debug, info, warning or error"),
        ("AETHER_LOG_FORMAT", "xml", "auto, console or json"),
        ("AETHER_MODEL_OPTIONS", "[1]", "a JSON object"),
        ("OPENAI_BASE_URL", "localhost:11434/v1", "http:// or https://"),
        ("AETHER_IMAGE_BASE_URL", "ftp://images.test", "http:// or https://"),
        ("AETHER_OBJECT_STORE", "/srv/images", "file:///folder or s3://bucket/folder"),
        ("AETHER_WEBHOOK_SCHEDULE", "5,soon", "numbers of seconds"),
        ("AETHER_WEBHOOK_HOSTS", "localhost, hooks.test", "no spaces"),
        ("AETHER_PUBLIC_URL", "aether.example.com", "http:// or https://"),
        ("AETHER_MAX_CONNECTIONS", "0", "1 or more"),
        ("AETHER_TRUSTED_PROXIES", "*", "addresses or networks"),
        ("AETHER_TRUSTED_PROXIES", "proxy.example.com", "addresses or networks"),
        ("AETHER_CORS_ORIGINS", "*", "origins as browsers send them"),
        ("AETHER_CORS_ORIGINS", "null", "origins as browsers send them"),
        ("AETHER_CORS_ORIGINS", "https://app.example.com/", "without a path"),
        ("AETHER_CORS_ORIGINS", "https://*.example.com", "origins as browsers send them"),
        ("AETHER_CORS_ORIGINS", "https://App.example.com", "small letters"),
        ("AETHER_CORS_ORIGINS", "https://app.example.com, https://b.example.com", "no spaces"),
        ("AETHER_RATE_LIMIT", "600", "such as 600/60"),
        ("AETHER_RATE_LIMIT", "0/60", "such as 600/60"),
        ("AETHER_RATE_LIMIT", "600/0", "such as 600/60"),
        ("AETHER_RATE_LIMIT", "600/1.5", "such as 600/60"),
    ],
)
def test_an_error_names_the_variable_and_the_rule(variable: str, value: str, rule: str) -> None:
    with pytest.raises(ConfigurationError) as refused:
        Settings.from_env({**ALL, variable: value})

    text = str(refused.value)
    assert text.startswith(f"{variable}: Expected ")
    assert rule in text
    assert not {KEY, URL} & set(text.split())


@pytest.mark.parametrize("variable", Settings.__struct_encode_fields__)
def test_settings_survive_a_round_trip_through_the_environment(variable: str) -> None:
    examples = {
        "AETHER_OBJECT_STORE": "file:///srv/images",
        "AETHER_PUBLIC_URL": "https://aether.example.com",
        "OPENAI_BASE_URL": "http://localhost:11434/v1",
        "AETHER_IMAGE_BASE_URL": "https://images.test/v1/",
        "AETHER_WEBHOOK_HOSTS": "localhost,hooks.test:9000",
        "AETHER_MODEL_CONTEXT": "8192",
        "AETHER_RATE_LIMIT": "600/60",
        "AETHER_OWNER_JOBS": "20",
        "AETHER_CORS_ORIGINS": "https://app.example.com,http://[::1]:3000",
    }
    value = (Settings().as_environment() | examples).get(variable, '{"a":1}')  # valid as text, path and JSON
    settings = Settings.from_env({**ALL, variable: value})

    assert settings.as_environment() == Settings.from_env(settings.as_environment()).as_environment()


def test_a_tilde_in_the_data_directory_is_expanded() -> None:
    assert Path.home() / "aether" == Settings.from_env({"AETHER_DATA_DIR": "~/aether"}).home


@pytest.mark.parametrize("given", ["data", "./data", Path("data")])
@pytest.mark.parametrize("name", ["data_dir", "local_model", "templates"])
def test_a_relative_path_is_made_absolute_wherever_it_is_set(
    name: str, given: str | Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Child processes have working directories of their own."""
    monkeypatch.chdir(tmp_path)
    variable = f"AETHER_{name.upper()}"
    settings = (
        Settings.from_env({variable: str(given)}),
        replace(Settings.from_env({}), **{name: Path(given)}),
    )

    assert [getattr(each, name) for each in settings] == [tmp_path / "data"] * 2


@pytest.mark.parametrize("show", [repr, str, "{}".format, lambda settings: f"{settings.openai_api_key}"])
def test_a_secret_is_never_printed(show: Callable[[Settings], str]) -> None:
    shown = show(Settings.from_env(ALL))

    assert not [secret for secret in (KEY, "hunter2") if secret in shown]
    assert "Secret(…)" in shown


def test_a_secret_cannot_be_encoded_as_json() -> None:
    with pytest.raises(TypeError):
        msgspec.json.encode(Secret(KEY))
