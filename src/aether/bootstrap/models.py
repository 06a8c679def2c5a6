"""Models: the clients of the model server for texts, and of the one for images."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import httpx2
import openai

from aether.adapters.openai.address import ModelAddress
from aether.adapters.openai.body import ACCEPT_ENCODING
from aether.adapters.openai.chat import OpenAIChat, Options
from aether.adapters.openai.dialect_memory import DialectMemory
from aether.adapters.openai.errors import IMAGES, TEXTS
from aether.adapters.openai.http_api import ServerApi, ServerSettings
from aether.adapters.openai.image_download import ImageDownload
from aether.adapters.openai.images import OTHER_FIELDS_BYTES, ImageSettings, OpenAIIllustrator
from aether.adapters.openai.server import ChatServer
from aether.adapters.openai.transport import ModelTransport, TransportLimits
from aether.durable.concurrency_limiter import SharedSlots
from aether.errors import ConfigurationError
from aether.outbound.cookies import no_cookies
from aether.settings import Secret, SecretHeaders, Settings

_NO_KEY = "none"  # the client insists on one; servers that need none ignore it


def language_model(
    settings: Settings, api: ServerApi, memory: DialectMemory | None = None, *, knows_llama_cpp: bool = False
) -> OpenAIChat:
    """Return the chat with the language models of a server; `memory` is what is known about their dialects.

    Only a server that knows the options of llama.cpp gets some.
    """
    options = Options(settings.model_options or {}, {"outline": settings.outline_options or {}}, knows_llama_cpp)
    server, read_timeout = ChatServer(api), settings.model_read_timeout
    return OpenAIChat(server, settings.model, options, memory=memory, read_timeout=read_timeout)


@asynccontextmanager
async def chat_api(settings: Settings) -> AsyncIterator[ServerApi]:
    """Open the HTTP API of the server for texts.

    Raises:
        ConfigurationError: the key cannot be sent.
    """
    limits = TransportLimits(
        settings.model_max_bytes, SharedSlots(settings.model_calls).capacity, "AETHER_MODEL_MAX_BYTES"
    )
    timeouts = _timeouts(settings, settings.model_read_timeout)
    credentials = _Credentials(settings.openai_api_key, settings.model_headers, TEXTS)
    async with _server_api(settings, settings.openai_base_url, credentials, limits, timeouts) as api:
        yield api


@asynccontextmanager
async def illustrator(settings: Settings, model: str) -> AsyncIterator[OpenAIIllustrator]:
    """Open the clients for the server that makes images, and for the addresses at which it may leave its images.

    Raises:
        ConfigurationError: the key cannot be sent.
    """
    max_bytes = settings.image_max_bytes
    answer_bytes = -(-max_bytes // 3) * 4 + OTHER_FIELDS_BYTES
    limits = TransportLimits(answer_bytes, SharedSlots(settings.model_calls).capacity, receive_buffer=262_144)
    credentials = _image_credentials(settings)
    base_url = settings.image_base_url or settings.openai_base_url
    terms = ImageSettings(
        model, settings.image_options or {}, settings.model_total_timeout, max_bytes, credentials.prefix
    )
    # Nothing is heard of an image before it is finished.
    timeouts = _timeouts(settings, settings.model_total_timeout)
    async with (
        _server_api(settings, base_url, credentials, limits, timeouts) as api,
        ImageDownload.open(api.address.origin, max_bytes, _timeouts(settings, settings.model_read_timeout)) as download,
    ):
        yield OpenAIIllustrator(api, download, terms)


class _Credentials:
    """What a server gets to know who calls; `prefix` is that of its settings."""

    def __init__(self, key: Secret | None, headers: SecretHeaders | None, prefix: str) -> None:
        self.key = key.reveal() if key else None
        self.headers = headers.reveal_headers() if headers else {}
        self.prefix = prefix
        if self.key is not None and not (self.key.isascii() and self.key.isprintable()):
            raise ConfigurationError(f"{prefix}_API_KEY: Expected ASCII characters.")

    def request_headers(self, address: ModelAddress) -> dict[str, str]:
        """Return the headers of each request, with those that replace the client's own."""
        headers = {"accept-encoding": ACCEPT_ENCODING}
        if address.authorization is not None:
            headers["authorization"] = address.authorization
        headers |= {name.casefold(): value for name, value in self.headers.items()}
        # The client's own name for it, so that it is replaced and not sent twice.
        return {"Authorization" if name == "authorization" else name: value for name, value in headers.items()}

    def sends_authorization(self, address: ModelAddress) -> bool:
        """Whether there is an Authorization header; without a key one is sent too, unless there are other headers."""
        return self.key is not None or not self.headers or "Authorization" in self.request_headers(address)

    def secrets(self, address: ModelAddress) -> tuple[str, ...]:
        """Return what must not be shown."""
        values = (part.partition("=")[2] for part in address.query.split("&"))
        return tuple(filter(None, (self.key, address.authorization, *self.headers.values(), *values)))


def _image_credentials(settings: Settings) -> _Credentials:
    """Return the credentials for the server that makes images; another server gets none but its own."""
    is_elsewhere = settings.image_base_url is not None
    key = settings.image_api_key or (None if is_elsewhere else settings.openai_api_key)
    headers = settings.image_headers or (None if is_elsewhere else settings.model_headers)
    return _Credentials(key, headers, IMAGES if is_elsewhere or settings.image_api_key is not None else TEXTS)


@asynccontextmanager
async def _server_api(
    settings: Settings,
    base_url: str | None,
    credentials: _Credentials,
    limits: TransportLimits,
    timeouts: httpx2.Timeout,
) -> AsyncIterator[ServerApi]:
    """Open the client of a server; it never retries by itself, since each attempt belongs in the record."""
    address, setting = ModelAddress.parse(base_url), f"{credentials.prefix}_BASE_URL"
    try:
        transport = ModelTransport(address.origin, limits, setting)
    except (httpx2.InvalidURL, ValueError) as error:
        raise ConfigurationError(f"{setting}: {error}.") from error
    client = openai.AsyncOpenAI(
        api_key=credentials.key or _NO_KEY,
        base_url=address.endpoint(""),
        max_retries=0,
        timeout=timeouts,
        default_headers=credentials.request_headers(address),
        http_client=httpx2.AsyncClient(transport=transport, timeout=timeouts, cookies=no_cookies()),
    )
    async with client:
        server = ServerSettings(
            address,
            settings.model_total_timeout,
            credentials.prefix,
            credentials.sends_authorization(address),
            credentials.secrets(address),
        )
        yield ServerApi(client, server)


def _timeouts(settings: Settings, read_timeout: float) -> httpx2.Timeout:
    return httpx2.Timeout(read_timeout, connect=settings.model_connect_timeout, pool=None)
