import pytest

from aether.bootstrap.webhooks import ssrf_policy
from aether.errors import ConfigurationError
from aether.settings import Settings


@pytest.mark.parametrize("hosts", ["localhost:port", "localhost:99999"])
def test_an_allowed_host_that_is_no_host_is_a_configuration_error(hosts: str) -> None:
    with pytest.raises(ConfigurationError, match=r"^AETHER_WEBHOOK_HOSTS: "):
        ssrf_policy(Settings(webhook_hosts=hosts))


def test_the_settings_allow_hosts() -> None:
    opened = ssrf_policy(Settings(webhook_hosts="localhost,hooks.test:9000"))

    for url in ("http://localhost:1234/", "http://hooks.test:9000/"):
        opened.check_url(url)
