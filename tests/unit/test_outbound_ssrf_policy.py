import ipaddress
from contextlib import suppress

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from aether.errors import RefusedDestinationError
from aether.outbound.addresses import is_loopback, is_public
from aether.outbound.ssrf_policy import SsrfPolicy

PUBLIC = [
    "8.8.8.8",
    "1.0.0.1",
    "172.15.255.255",
    "172.32.0.0",
    "192.167.255.255",
    "100.63.255.255",
    "100.128.0.0",
    "223.255.255.255",
    "2606:4700:4700::1111",
    "2a00:1450:4001:813::200e",
    "::ffff:8.8.8.8",
    "64:ff9b::8.8.8.8",
]

FORBIDDEN = [
    # loopback, in every notation
    "http://127.0.0.1/",
    "http://127.0.0.1:8000/hook",
    "http://127.255.255.254/",
    "http://127.1/",
    "http://127.0.1/",
    "http://2130706433/",
    "http://0x7f000001/",
    "http://0x7f.0.0.1/",
    "http://0X7F.1/",
    "http://0177.0.0.1/",
    "http://017700000001/",
    "http://127.0.0.01/",
    "http://127.0.0.1./",
    "http://[::1]/",
    "http://[0:0:0:0:0:0:0:1]:8080/",
    "http://localhost/",
    "http://LOCALHOST:6379/",
    "http://localhost./",
    "http://a.localhost/",
    "http://localhost.localdomain/",
    # this network, which Linux treats as loopback
    "http://0/",
    "http://0.0.0.0/",
    "http://0x0/",
    "http://[::]/",
    # private
    "http://10.0.0.1/",
    "http://10.255.255.255/",
    "http://167772161/",
    "http://172.16.0.1/",
    "http://172.31.255.255/",
    "http://192.168.0.1/",
    "http://0300.0250.0.1/",
    "http://[fc00::1]/",
    "http://[fd12:3456:789a::1]/",
    "http://[fec0::1]/",
    # link-local and metadata services
    "http://169.254.169.254/latest/meta-data/",
    "http://2852039166/",
    "http://0xa9fea9fe/",
    "http://0251.0376.0251.0376/",
    "http://169.254.170.2/",
    "http://100.100.100.200/",
    "http://192.0.0.192/",
    "http://168.63.129.16/",
    "http://[fd00:ec2::254]/",
    "http://[fe80::1]/",
    "http://[fe80::1%25eth0]/",
    "http://[fe80::1%eth0]/",
    "http://metadata.google.internal/",
    # IPv4 inside of IPv6: mapped, compatible, NAT64, 6to4, Teredo
    "http://[::ffff:127.0.0.1]/",
    "http://[::ffff:7f00:1]/",
    "http://[::ffff:10.0.0.1]/",
    "http://[::ffff:169.254.169.254]/",
    "http://[0:0:0:0:0:ffff:a9fe:a9fe]/",
    "http://[::127.0.0.1]/",
    "http://[::a9fe:a9fe]/",
    "http://[64:ff9b::10.0.0.1]/",
    "http://[64:ff9b::a9fe:a9fe]/",
    "http://[64:ff9b:1::1]/",
    "http://[2002:7f00:1::]/",
    "http://[2002:a9fe:a9fe::1]/",
    "http://[2001:0:4136:e378:8000:63bf:3fff:fdd2]/",
    # carrier-grade NAT, multicast, reserved, documentation, benchmarks
    "http://100.64.0.1/",
    "http://224.0.0.1/",
    "http://239.255.255.250/",
    "http://240.0.0.1/",
    "http://255.255.255.255/",
    "http://192.0.2.1/",
    "http://198.51.100.1/",
    "http://203.0.113.1/",
    "http://198.18.0.1/",
    "http://192.88.99.1/",
    "http://[ff02::1]/",
    "http://[2001:db8::1]/",
    "http://[2001:2::1]/",
    "http://[3fff::1]/",
    "http://[5f00::1]/",
    "http://[100::1]/",
    # names with a local meaning
    "http://redis/",
    "http://valkey:6379/",
    "http://printer.local/",
    "http://vault.internal/",
    "http://router.home.arpa/",
    # no valid host
    "http://",
    "http:///path",
    "http://./",
    "http://..example.com/",
    "http://a..example.com/",
    "http://-example.com/",
    "http://example.com:0/",
    "http://example.com:65536/",
    "http://256.1.1.1/",
    "http://1.2.3.4.5/",
    "http://8.8.8.8.8./",
    "http://08.8.8.8/",
    "http://[8.8.8.8]/",
    "http://[::1",
    # URLs that parsers disagree about
    "http://example.com@127.0.0.1/",
    "http://user:password@example.com/",
    "http://:@example.com/",
    "http://example.com\\@127.0.0.1/",
    "http://127.0.0.1\\.example.com/",
    "http://127.0.0.1 .example.com/",
    "http://127.0.0.1\t/",
    "http://example.com\r\nHost: a/",
    "\thttp://example.com/",
    "http://%31%32%37.0.0.1/",
    "http://127.0.0.1%2f.example.com/",
    "http://①②⑦.⓪.⓪.①/",
    "http://127。0。0。1/",
    "http://ｌｏｃａｌｈｏｓｔ/",  # noqa: RUF001 - full width on purpose
    # other schemes
    "ftp://example.com/",
    "file:///etc/passwd",
    "gopher://example.com:6379/_INFO",
    "unix:///var/run/docker.sock",
    "javascript:alert(1)",
    "//example.com/",
    "example.com",
    "http:example.com",
    "",
    "https://example.com/" + "a" * 2_048,
]


def test_at_least_thirty_distinct_cases_are_listed() -> None:
    assert len(set(FORBIDDEN)) == len(FORBIDDEN)
    assert len(FORBIDDEN) >= 30


@pytest.mark.parametrize("url", FORBIDDEN)
def test_a_url_that_does_not_lead_to_the_internet_is_refused(url: str) -> None:
    with pytest.raises(RefusedDestinationError):
        SsrfPolicy().parse(url)


@pytest.mark.parametrize(
    "url",
    [
        "https://example.com",
        "https://hooks.example.com/aether?token=a%2Fb",
        "http://example.com:8080/",
        "HTTPS://Example.COM./hook",
        "https://xn--bcher-kva.example.org/",
        "https://a_b.example.com/",
        "https://127.0.0.1.example.com/",
        *(f"https://{f'[{address}]' if ':' in address else address}/hook" for address in PUBLIC),
    ],
)
def test_a_url_on_the_internet_is_accepted(url: str) -> None:
    assert SsrfPolicy().parse(url).scheme in {"http", "https"}


@pytest.mark.parametrize("address", PUBLIC)
def test_a_public_address_is_recognised(address: str) -> None:
    assert is_public(address)


@given(st.ip_addresses(v=4))
def test_only_the_usual_notation_of_an_address_is_accepted(address: ipaddress.IPv4Address) -> None:
    one, two, three, four = address.packed
    others = [
        str(int(address)),
        hex(int(address)),
        f"0{int(address):o}",
        f"{one}.{int(address) & 0xFFFFFF}",
        f"{one}.{two}.{three << 8 | four}",
        f"{one:#x}.{two}.{three:#o}.{four}",
        f"0{one}.{two}.{three}.{four}",
    ]

    assert [other for other in others if accepts(f"http://{other}/") and other != str(address)] == []


@given(st.ip_addresses(v=4))
def test_an_embedded_address_counts(address: ipaddress.IPv4Address) -> None:
    public = is_public(str(address))

    assert [public, public] == [is_public(f"::ffff:{address}"), is_public(f"64:ff9b::{address}")]
    assert not any(is_public(str(embedding)) for embedding in addresses_embedding(address))


@given(st.ip_addresses())
def test_no_address_that_python_knows_as_special_is_public(
    address: ipaddress.IPv4Address | ipaddress.IPv6Address,
) -> None:
    if is_public(str(address)) and not str(address).startswith("::ffff:"):
        assert address.is_global
        assert not address.is_multicast
        assert not address.is_reserved or str(address).startswith("64:ff9b::")


def addresses_embedding(address: ipaddress.IPv4Address) -> list[ipaddress.IPv6Address]:
    """Return the 6to4, Teredo and IPv4-compatible addresses that lead to this one."""
    inside = int(address)
    return [
        ipaddress.IPv6Address(0x2002 << 112 | inside << 80 | 1),
        ipaddress.IPv6Address(0x20010000 << 96 | inside << 64 | (~inside & 0xFFFFFFFF)),
        ipaddress.IPv6Address(inside),
    ]


def accepts(url: str) -> bool:
    try:
        SsrfPolicy().parse(url)
    except RefusedDestinationError:
        return False
    return True


@pytest.mark.parametrize(
    ("exempt", "url", "expected"),
    [
        ("localhost", "http://localhost:9000/", True),
        ("localhost", "http://LOCALHOST/", True),
        ("localhost", "http://127.0.0.1/", False),
        ("localhost", "http://a.localhost/", False),
        ("localhost:9000", "http://localhost:9000/", True),
        ("localhost:9000", "http://localhost:9001/", False),
        ("localhost:9000", "http://localhost/", False),
        ("hooks.test:443", "https://hooks.test/", True),
        ("hooks.test", "ftp://hooks.test/", False),
        ("hooks.test", "http://me@hooks.test/", False),
        ("127.0.0.1", "http://127.0.0.1:8000/", True),
        ("127.0.0.1", "http://127.0.0.2/", False),
        ("::1", "http://[::1]:8000/", True),
        ("[::1]:8000", "http://[::1]:8000/", True),
        ("[::1]:8000", "http://[::1]/", False),
        ("redis", "http://redis:6379/", True),
    ],
)
def test_a_host_is_exempt_only_under_its_own_name(exempt: str, url: str, *, expected: bool) -> None:
    policy = SsrfPolicy([exempt])

    try:
        policy.check_url(url)
    except RefusedDestinationError:
        assert not expected
    else:
        assert expected


def test_a_host_with_one_address_that_is_not_public_is_refused() -> None:
    with pytest.raises(RefusedDestinationError):
        SsrfPolicy().check_addresses("example.com", 443, ["8.8.8.8", "10.0.0.1"])


def test_an_exempt_host_may_have_any_address() -> None:
    SsrfPolicy(["hooks.test"]).check_addresses("hooks.test", 9000, ["127.0.0.1", "::1"])


@given(st.text("localhst:/@[]%.-0123456789abcdefx?#\\&;=_~", max_size=40))
@example("[]@")
def test_any_text_is_parsed_or_refused(rest: str) -> None:
    with suppress(RefusedDestinationError):
        SsrfPolicy().parse(f"http://{rest}")


def test_an_error_states_the_rule() -> None:
    with pytest.raises(RefusedDestinationError) as refused:
        SsrfPolicy().check_url("http://10.0.0.1/")

    assert refused.value.rule == "must not lead to a private, local or reserved address"


@pytest.mark.parametrize(
    ("address", "expected"),
    [
        ("127.0.0.1", True),
        ("127.255.255.254", True),
        ("::1", True),
        ("::ffff:127.0.0.1", True),
        ("10.0.0.1", False),
        ("::ffff:10.0.0.1", False),
        ("fe80::1%lo", False),
    ],
)
def test_a_loopback_address_is_recognised(address: str, *, expected: bool) -> None:
    assert is_loopback(address) is expected


@pytest.mark.parametrize("text", ["localhost", "", "127.1", "[::1]"])
def test_a_text_in_another_notation_is_no_loopback_address(text: str) -> None:
    with pytest.raises(ValueError, match="does not appear to be an IPv4 or IPv6 address"):
        is_loopback(text)
