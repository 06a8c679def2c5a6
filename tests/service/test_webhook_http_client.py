import asyncio
import socket
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from aether.outbound.ssrf_policy import SsrfPolicy
from aether.webhooks.http_client import DeliveryResponse, WebhookHttpClient
from tests.service.webhook_receiver import Receiver, Reply


class ScriptedLookup:
    """Answers each question with the next of these lists of addresses, and then with the last one."""

    def __init__(self, *answers: Sequence[str]) -> None:
        self.answers = list(answers or (["127.0.0.1"],))
        self.asked: list[tuple[str, int]] = []

    def __call__(self, host: str, port: int) -> Sequence[str]:
        self.asked.append((host, port))
        addresses = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        if not addresses:
            raise socket.gaierror
        return addresses


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with Receiver() as receiver:
        yield receiver


@asynccontextmanager
async def post(lookup: ScriptedLookup, *opened: str, within: float = 10.0) -> AsyncIterator[WebhookHttpClient]:
    async with WebhookHttpClient.open(SsrfPolicy(opened), within, lookup) as opened_post:
        yield opened_post


async def answer_of(receiver: Receiver, *opened: str, within: float = 10.0) -> DeliveryResponse:
    async with post(ScriptedLookup(), *(opened or ("hooks.test",)), within=within) as opened_post:
        return await opened_post.post(receiver.url("hooks.test"), {}, b"{}")


async def test_the_body_and_the_headers_arrive_under_the_hosts_own_name(receiver: Receiver) -> None:
    async with post(ScriptedLookup(), "hooks.test") as opened:
        answer = await opened.post(receiver.url("hooks.test"), {"webhook-id": "7"}, b'{"a":1}')

    (request,) = receiver.received
    assert (answer.status, answer.error) == (204, None)
    assert (
        request.body,
        request.headers["webhook-id"],
        request.headers["content-type"],
    ) == (b'{"a":1}', "7", "application/json")
    assert f"hooks.test:{receiver.port}" == request.headers["host"]
    assert request.headers["user-agent"].startswith("Aether/")


@pytest.mark.parametrize("status", [300, 301, 302, 303, 307, 308, 400, 404, 410, 429, 500, 503])
async def test_whatever_is_not_a_success_is_a_failure(receiver: Receiver, status: int) -> None:
    receiver.replies = [Reply(status)]

    answer = await answer_of(receiver)

    assert status == answer.status
    assert str(status) in str(answer.error)


async def test_a_redirect_is_not_followed(receiver: Receiver) -> None:
    receiver.replies = [Reply(302, {"Location": receiver.url("hooks.test")})]

    answer = await answer_of(receiver)

    assert answer.error == "The receiver answered 302; redirects are not followed."
    assert len(receiver.received) == 1


async def test_the_pause_that_the_receiver_asks_for_is_read(receiver: Receiver) -> None:
    receiver.replies = [Reply(503, {"Retry-After": "120"})]

    assert (await answer_of(receiver)).retry_after == 120.0


async def test_an_answer_without_an_end_is_not_waited_for(receiver: Receiver) -> None:
    receiver.replies = [Reply(200, endless=True)]

    answer = await answer_of(receiver)

    assert (answer.status, answer.error) == (200, None)


async def test_a_receiver_that_says_nothing_is_given_up(receiver: Receiver) -> None:
    receiver.replies = [Reply(stall_s=1.0)]

    answer = await answer_of(receiver, within=0.2)

    assert (answer.status, answer.error) == (None, "No answer came within 0.2 s.")
    assert answer.seconds >= 0.2


async def test_nobody_at_the_address_is_a_failure() -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        async with post(ScriptedLookup(), "hooks.test") as opened:
            answer = await opened.post(f"http://hooks.test:{unused.getsockname()[1]}/", {}, b"{}")

    assert answer.error == "The receiver could not be reached."


async def test_a_name_without_an_address_is_a_failure() -> None:
    async with post(ScriptedLookup([])) as opened:
        answer = await opened.post("https://example.com/", {}, b"{}")

    assert answer.error == "The host's name has no address."


async def test_a_connection_that_is_not_secure_is_a_failure(receiver: Receiver) -> None:
    async with post(ScriptedLookup(), "hooks.test") as opened:
        answer = await opened.post(receiver.url("hooks.test").replace("http:", "https:"), {}, b"{}")

    assert answer.error == "No secure connection came about."


@pytest.fixture
def certificate(tmp_path: Path) -> Path:
    """A certificate for `hooks.test` that nobody has signed but itself, and its key."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "hooks.test")])
    now = datetime.now(UTC)
    builder = x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(key.public_key())
    builder = builder.serial_number(1).not_valid_before(now).not_valid_after(now + timedelta(days=1))
    builder = builder.add_extension(x509.SubjectAlternativeName([x509.DNSName("hooks.test")]), critical=False)
    path = tmp_path / "certificate.pem"
    pem = serialization.Encoding.PEM
    path.write_bytes(
        key.private_bytes(pem, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
        + builder.sign(key, hashes.SHA256()).public_bytes(pem)
    )
    return path


async def test_a_certificate_that_nobody_vouches_for_is_a_failure(certificate: Path) -> None:
    with Receiver(certificate=certificate) as receiver:
        async with post(ScriptedLookup(), "hooks.test") as opened:
            answer = await opened.post(receiver.url("hooks.test").replace("http:", "https:"), {}, b"{}")

    assert answer.error == "The receiver's certificate is not valid."
    assert receiver.received == []


@pytest.mark.parametrize(
    ("said", "error"),
    [
        (b"", "The receiver broke the connection off."),
        (b"HTTP/1.1 200", "The receiver broke the connection off."),
        (b"SSH-2.0-OpenSSH_9.2\r\n", "The receiver did not answer in HTTP."),
        (b"HTTP/1.1 200 OK\r\nA: " + b"a" * 100_000 + b"\r\n\r\n", "The receiver did not answer in HTTP."),
    ],
)
async def test_what_is_no_answer_is_a_failure(said: bytes, error: str) -> None:
    async def say(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"{}")
        writer.write(said)
        writer.close()

    server = await asyncio.start_server(say, "127.0.0.1", 0)
    async with server, post(ScriptedLookup(), "hooks.test") as opened:
        port = server.sockets[0].getsockname()[1]
        answer = await opened.post(f"http://hooks.test:{port}/", {}, b"{}")

    assert (answer.status, answer.error) == (None, error)


@pytest.mark.parametrize(
    "addresses",
    [["127.0.0.1"], ["::1"], ["10.1.2.3"], ["169.254.169.254"], ["::ffff:127.0.0.1"], ["8.8.8.8", "127.0.0.1"]],
)
async def test_a_name_that_leads_inside_is_refused_when_it_is_called(receiver: Receiver, addresses: list[str]) -> None:
    async with post(ScriptedLookup(addresses)) as opened:
        answer = await opened.post(receiver.url("example.com"), {}, b"{}")

    assert answer.error == "The address must not lead to a private, local or reserved address."
    assert receiver.received == []


async def test_a_name_is_looked_up_once_and_its_judged_address_is_called(receiver: Receiver) -> None:
    """An answer that changes between judging and calling is never seen."""
    lookup = ScriptedLookup(["127.0.0.1"], ["8.8.8.8"])
    async with post(lookup, "hooks.test") as opened:
        answer = await opened.post(receiver.url("hooks.test"), {}, b"{}")

    assert answer.status == 204
    assert [("hooks.test", receiver.port)] == lookup.asked


async def test_every_request_looks_the_name_up_anew(receiver: Receiver) -> None:
    lookup = ScriptedLookup(["127.0.0.1"], ["127.0.0.1"])
    async with post(lookup, "hooks.test") as opened:
        for _ in range(2):
            await opened.post(receiver.url("hooks.test"), {}, b"{}")

    assert (len(lookup.asked), len(receiver.received)) == (2, 2)


@pytest.mark.parametrize("host", ["127.0.0.1", "[::1]", "2130706433", "0x7f.1", "[::ffff:127.0.0.1]", "localhost"])
async def test_an_address_that_is_refused_is_not_even_looked_up(receiver: Receiver, host: str) -> None:
    lookup = ScriptedLookup()
    async with post(lookup) as opened:
        answer = await opened.post(receiver.url(host), {}, b"{}")

    assert str(answer.error).startswith("The address must ")
    assert (lookup.asked, receiver.received) == ([], [])


async def test_proxies_of_the_environment_are_not_asked(receiver: Receiver, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:1")
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:1")

    assert (await answer_of(receiver)).status == 204
