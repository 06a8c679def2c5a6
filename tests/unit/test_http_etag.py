"""Entity tags: which tags in `If-None-Match` are the job's version, also after a proxy has changed them."""

import pytest

from aether.api.http.etag import entity_tag, is_current

TAG = entity_tag(7)


@pytest.mark.parametrize(
    "header",
    [
        '"7"',
        'W/"7"',  # nginx
        '"7-gzip"',  # Apache, Caddy
        'W/"7-gzip"',
        '"7-br"',
        '"7-zstd"',
        '"7-deflate"',
        '"7--gzip"',  # Jetty
        '"7;gzip"',
        '"7;br"',
        '"7:gzip"',
        '"7/gzip"',
        '"7_gzip"',
        '"7+gzip"',
        '"7-x-gzip"',
        '"7-gzip-gzip"',
        '"7-gzip;br"',
        '"7"-gzip',
        '"6", "7-gzip"',
        '"6-gzip",W/"7-br" , "8"',
        "*",
        " * ",
    ],
)
def test_the_tag_is_known_in_every_form_that_proxies_give_it(header: str) -> None:
    assert is_current(header, TAG)


@pytest.mark.parametrize(
    "header",
    [
        "",
        '"6"',
        '"77"',
        '"17"',
        '"70-gzip"',
        '"17-gzip"',
        '"6-gzip"',
        '"7-8"',
        '"7-"',
        '"7-gzip',
        '"-gzip"',
        '"7.5"',
        '7"',
    ],
)
def test_another_tag_is_not(header: str) -> None:
    assert not is_current(header, TAG)


def test_the_tag_of_a_file_is_known_in_these_forms_too() -> None:
    digest = '"' + "4f" * 32 + '"'

    assert is_current(f'W/"{"4f" * 32}-gzip"', digest)
    assert not is_current('"' + "4f" * 31 + '4e-gzip"', digest)
