import msgspec
import pytest

from aether.domain.image import GenerationRequest
from aether.domain.report_request import Length, ReportRequest
from aether.domain.stored_request import stored_request_decoder

REPORT = stored_request_decoder(ReportRequest)


def test_what_this_version_accepts_is_read_with_its_defaults() -> None:
    request = REPORT.decode(b'{"topic":"Rome","sections":3}')

    assert isinstance(request, ReportRequest)
    assert (request.topic, request.sections, request.outline, request.length) == (
        *("Rome", 3, msgspec.UNSET, Length.STANDARD),
    )


def test_what_only_another_version_accepts_is_read_too() -> None:
    stored = {"topic": "Rome " * 99, "outline": ["A"] * 90, "length": "epic", "metadata": {"a" * 99: ""}, "sources": 1}

    request = REPORT.decode(msgspec.json.encode(stored))

    assert (request.topic, request.outline, request.length, request.metadata) == (
        *(stored["topic"], ("A",) * 90, "epic", stored["metadata"]),
    )
    images = stored_request_decoder(GenerationRequest).decode(b'{"prompt":"","count":9,"size":"large"}')
    assert (images.count, images.size) == (9, "large")


def test_a_text_is_still_a_text() -> None:
    with pytest.raises(msgspec.ValidationError):
        REPORT.decode(b'{"topic":{"of":"Rome"}}')
