"""Settings of the service; the only module that reads the environment."""

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Self, get_type_hints

import msgspec
from msgspec import field
from msgspec.structs import force_setattr

from aether.errors import ConfigurationError
from aether.setting_names import UnknownSetting, unknown_settings
from aether.setting_secrets import Secret, SecretHeaders
from aether.setting_types import (
    AddressList,
    Algorithms,
    ChecksMode,
    Context,
    Count,
    Durability,
    Flag,
    HostList,
    HttpUrl,
    KeyPrefix,
    Leeway,
    LogFormat,
    LogLevel,
    ModelUrl,
    NameList,
    ObjectStoreUrl,
    OriginList,
    Port,
    PromptStyleName,
    QueueName,
    RequestRate,
    ScopeList,
    Seconds,
    WaitList,
    find_description,
)

__all__ = ["JsonObject", "Secret", "SecretHeaders", "Settings"]


class JsonObject(dict[str, Any]):
    """A JSON object that is passed on unchanged."""


class Settings(msgspec.Struct, frozen=True, forbid_unknown_fields=False):
    """Every setting with its default; each field is named after its environment variable.

    Durations are seconds, sizes bytes. `.env.example` explains each one; a test checks that the two agree.
    """

    redis_url: Secret | None = field(default=None, name="REDIS_URL")
    allow_eviction: Flag = field(default=False, name="AETHER_ALLOW_EVICTION")
    durable: Durability = field(default="memory", name="AETHER_DURABLE")
    data_dir: Path | None = field(default=None, name="AETHER_DATA_DIR")
    job_ttl: Seconds = field(default=86_400.0, name="AETHER_JOB_TTL")
    inbox_ttl: Seconds = field(default=604_800.0, name="AETHER_INBOX_TTL")

    openai_api_key: Secret | None = field(default=None, name="OPENAI_API_KEY")
    openai_base_url: ModelUrl | None = field(default=None, name="OPENAI_BASE_URL")
    model_headers: SecretHeaders | None = field(default=None, name="AETHER_MODEL_HEADERS")
    model: str = field(default="gpt-4.1-mini", name="AETHER_MODEL")
    models: NameList | None = field(default=None, name="AETHER_MODELS")
    model_options: JsonObject | None = field(default=None, name="AETHER_MODEL_OPTIONS")
    outline_options: JsonObject | None = field(default=None, name="AETHER_OUTLINE_OPTIONS")
    prompts: PromptStyleName = field(default="auto", name="AETHER_PROMPTS")
    local_search: Flag = field(default=True, name="AETHER_LOCAL_SEARCH")
    local_model: Path | None = field(default=None, name="AETHER_LOCAL_MODEL")
    model_connect_timeout: Seconds = field(default=5.0, name="AETHER_MODEL_CONNECT_TIMEOUT")
    model_read_timeout: Seconds = field(default=120.0, name="AETHER_MODEL_READ_TIMEOUT")
    model_total_timeout: Seconds = field(default=300.0, name="AETHER_MODEL_TOTAL_TIMEOUT")
    model_calls: Count = field(default=500, name="AETHER_MODEL_CALLS")
    model_context: Context | None = field(default=None, name="AETHER_MODEL_CONTEXT")
    model_max_bytes: Count = field(default=8_388_608, name="AETHER_MODEL_MAX_BYTES")

    checks: ChecksMode = field(default="rewrite", name="AETHER_CHECKS")

    image_model: str | None = field(default=None, name="AETHER_IMAGE_MODEL")
    image_api_key: Secret | None = field(default=None, name="AETHER_IMAGE_API_KEY")
    image_base_url: ModelUrl | None = field(default=None, name="AETHER_IMAGE_BASE_URL")
    image_headers: SecretHeaders | None = field(default=None, name="AETHER_IMAGE_HEADERS")
    image_options: JsonObject | None = field(default=None, name="AETHER_IMAGE_OPTIONS")
    image_attempts: Count = field(default=5, name="AETHER_IMAGE_ATTEMPTS")
    image_max_bytes: Count = field(default=20_971_520, name="AETHER_IMAGE_MAX_BYTES")
    object_store: ObjectStoreUrl | None = field(default=None, name="AETHER_OBJECT_STORE")

    step_attempts: Count = field(default=6, name="AETHER_STEP_ATTEMPTS")
    retry_base: Seconds = field(default=0.25, name="AETHER_RETRY_BASE")
    retry_cap: Seconds = field(default=30.0, name="AETHER_RETRY_CAP")
    step_timeout: Seconds = field(default=600.0, name="AETHER_STEP_TIMEOUT")
    job_timeout: Seconds = field(default=3_600.0, name="AETHER_JOB_TIMEOUT")

    worker_jobs: Count = field(default=100, name="AETHER_WORKER_JOBS")
    worker_processes: Count = field(default=1, name="AETHER_WORKER_PROCESSES")
    shutdown_grace: Seconds = field(default=10.0, name="AETHER_SHUTDOWN_GRACE")
    key_prefix: KeyPrefix = field(default="", name="AETHER_KEY_PREFIX")
    queue: QueueName = field(default="aether:queue", name="AETHER_QUEUE")
    max_queue: Count = field(default=10_000, name="AETHER_MAX_QUEUE")
    owner_jobs: Count | None = field(default=None, name="AETHER_OWNER_JOBS")

    host: str = field(default="127.0.0.1", name="AETHER_HOST")
    port: Port = field(default=8000, name="AETHER_PORT")
    allow_anonymous: Flag = field(default=False, name="AETHER_ALLOW_ANONYMOUS")
    max_body: Count = field(default=262_144, name="AETHER_MAX_BODY")
    rate_limit: RequestRate | None = field(default=None, name="AETHER_RATE_LIMIT")
    max_connections: Count = field(default=10_000, name="AETHER_MAX_CONNECTIONS")
    trusted_proxies: AddressList = field(default="127.0.0.1,::1", name="AETHER_TRUSTED_PROXIES")
    cors_origins: OriginList | None = field(default=None, name="AETHER_CORS_ORIGINS")
    fonts: Path | None = field(default=None, name="AETHER_FONTS")
    public_url: HttpUrl | None = field(default=None, name="AETHER_PUBLIC_URL")
    templates: Path | None = field(default=None, name="AETHER_TEMPLATES")

    api_key: Secret | None = field(default=None, name="AETHER_API_KEY")

    jwt_issuer: str | None = field(default=None, name="AETHER_JWT_ISSUER")
    jwt_audience: str | None = field(default=None, name="AETHER_JWT_AUDIENCE")
    jwt_jwks: str | None = field(default=None, name="AETHER_JWT_JWKS")
    jwt_algorithms: Algorithms = field(default="RS256,ES256,EdDSA", name="AETHER_JWT_ALGORITHMS")
    jwt_leeway: Leeway = field(default=30.0, name="AETHER_JWT_LEEWAY")
    jwt_scopes: ScopeList = field(default="read,write", name="AETHER_JWT_SCOPES")
    jwt_scope_claim: str = field(default="scope", name="AETHER_JWT_SCOPE_CLAIM")

    webhook_hosts: HostList | None = field(default=None, name="AETHER_WEBHOOK_HOSTS")
    webhook_timeout: Seconds = field(default=15.0, name="AETHER_WEBHOOK_TIMEOUT")
    webhook_schedule: WaitList = field(
        default="5,300,1800,7200,18000,36000,50400,72000,86400", name="AETHER_WEBHOOK_SCHEDULE"
    )
    webhook_overlap: Seconds = field(default=86_400.0, name="AETHER_WEBHOOK_OVERLAP")
    webhook_deliveries: Count = field(default=100, name="AETHER_WEBHOOK_DELIVERIES")

    log_level: LogLevel = field(default="info", name="AETHER_LOG_LEVEL")
    log_format: LogFormat = field(default="auto", name="AETHER_LOG_FORMAT")

    def __post_init__(self) -> None:
        # Options of the commands replace settings without decoding them, and child processes have other directories.
        for name in ("data_dir", "fonts", "local_model", "templates"):
            if (path := getattr(self, name)) is not None:
                force_setattr(self, name, path.expanduser().absolute())

    @classmethod
    def from_env(cls, environment: Mapping[str, str] = os.environ) -> Self:
        """Read the settings from environment variables; an empty variable counts as not set.

        Raises:
            ConfigurationError: a value is not valid; the message names the variable and the rule.
        """
        variables = {name: environment[name] for name in cls.given_variables(environment)}
        try:
            return msgspec.convert(variables, cls, strict=False, dec_hook=_decode)
        except msgspec.ValidationError as error:
            reason, _, place = str(error).partition(" - at `$.")
            variable = place.rstrip("`")
            raise ConfigurationError(f"{variable}: {cls._rule_of(variable) or reason}.") from error

    @classmethod
    def given_variables(cls, environment: Mapping[str, str] = os.environ) -> tuple[str, ...]:
        """Return the names of the settings that the environment sets."""
        return tuple(name for name in cls.__struct_encode_fields__ if environment.get(name))

    @classmethod
    def unknown_variables(cls, environment: Mapping[str, str] = os.environ) -> tuple[UnknownSetting, ...]:
        """Return the environment variables that look like settings but are not."""
        return unknown_settings(environment, cls.__struct_encode_fields__)

    @classmethod
    def _rule_of(cls, variable: str) -> str | None:
        name = cls.__struct_fields__[cls.__struct_encode_fields__.index(variable)]
        description = find_description(get_type_hints(cls, include_extras=True)[name])
        return description and f"Expected {description}"

    @property
    def home(self) -> Path:
        """The data directory of this machine: the embedded store, logs, and the running server's address."""
        return self.data_dir or _user_data_folder() / "aether"

    @property
    def uses_model_server(self) -> bool:
        """Whether a model server is named; otherwise one on this machine is looked for, or a local model started."""
        return self.openai_api_key is not None or self.openai_base_url is not None

    @property
    def request_rate(self) -> tuple[int, int] | None:
        """The requests that an owner may make, and the seconds in which they may make them."""
        if self.rate_limit is None:
            return None
        requests, seconds = self.rate_limit.split("/")
        return int(requests), int(seconds)

    @property
    def webhook_waits(self) -> tuple[float, ...]:
        """The waits between the attempts of a delivery, in seconds."""
        return tuple(map(float, self.webhook_schedule.split(",")))

    @property
    def origins(self) -> tuple[str, ...]:
        """Origins whose pages may call the API (CORS)."""
        return tuple(self.cors_origins.split(",")) if self.cors_origins else ()

    @property
    def allowed_webhook_hosts(self) -> tuple[str, ...]:
        """Hosts that webhooks may call although they are not on the public internet, each with or without a port."""
        return tuple(self.webhook_hosts.split(",")) if self.webhook_hosts else ()

    def as_environment(self) -> dict[str, str]:
        """Return environment variables that give a child process the same settings."""
        pairs = zip(self.__struct_encode_fields__, self.__struct_fields__, strict=True)
        values = {variable: getattr(self, name) for variable, name in pairs}
        return {variable: _encode(value) for variable, value in values.items() if value is not None}

    def child_environment(self) -> dict[str, str]:
        """Return the whole environment of a child process with the same settings, which has nothing to warn of."""
        unknown = {each.name for each in self.unknown_variables()}
        return {name: value for name, value in os.environ.items() if name not in unknown} | self.as_environment()


def _decode(expected: type, value: str) -> object:
    if issubclass(expected, Secret):
        return expected(value)
    if expected is JsonObject:
        return JsonObject(_json_object(value))
    return Path(value)


def _json_object(value: str) -> dict[str, Any]:
    try:
        return msgspec.json.decode(value, type=dict[str, Any])
    except msgspec.DecodeError as error:
        raise ValueError("Expected a JSON object") from error


def _encode(value: object) -> str:
    if isinstance(value, Secret):
        return value.reveal()
    if isinstance(value, JsonObject):
        return msgspec.json.encode(value).decode()
    return str(value).lower() if isinstance(value, bool) else str(value)


def _user_data_folder() -> Path:
    # XDG Base Directory Specification; command line tools use the same folder on macOS.
    return Path(os.environ.get("XDG_DATA_HOME") or Path.home() / ".local" / "share")
