import hashlib
import inspect
from collections.abc import Callable

import pytest
import uvicorn
from uvicorn.protocols.http.flow_control import FlowControl
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol, RequestResponseCycle


@pytest.mark.parametrize(
    ("part", "digest"),
    [
        (HttpToolsProtocol.__init__, "4f08999410347141"),
        (HttpToolsProtocol.connection_made, "6efb565ff3d36b91"),
        (HttpToolsProtocol.connection_lost, "c91a4c9bf2e29c55"),
        (HttpToolsProtocol.data_received, "010a7ae59a5d3b1a"),
        (HttpToolsProtocol.on_message_begin, "96d377fdc7c2baef"),
        (HttpToolsProtocol.on_headers_complete, "1ea8589acfad92d8"),
        (HttpToolsProtocol.on_body, "dba9c32aeba35b6a"),
        (HttpToolsProtocol.on_message_complete, "1fbad42dc31fc01f"),
        (HttpToolsProtocol.pause_writing, "17a8fd215d96a13c"),
        (HttpToolsProtocol.resume_writing, "7844bbaa8cceb1ef"),
        (HttpToolsProtocol.eof_received, "5652627579a02369"),
        (HttpToolsProtocol._unset_keepalive_if_required, "00a6a4e47214e68e"),
        (HttpToolsProtocol._should_upgrade, "8fcad1ab8e096739"),
        (HttpToolsProtocol._start_asgi_task, "9c08c2571ae9b038"),
        (HttpToolsProtocol.on_url, "37be44e962b04ca8"),
        (HttpToolsProtocol.on_header, "65d62c044f61fdbd"),
        (HttpToolsProtocol.on_response_complete, "64e254f28e389e76"),
        (HttpToolsProtocol.shutdown, "d7351fa33f00d430"),
        (HttpToolsProtocol.timeout_keep_alive_handler, "8b53bf5f2e202970"),
        (RequestResponseCycle.__init__, "4d2f220910c33c12"),
        (RequestResponseCycle.run_asgi, "0f33f2449a444bc2"),
        (RequestResponseCycle.send, "abdd8601b326a8da"),
        (RequestResponseCycle.receive, "8124ae006be71184"),
        (FlowControl, "126debcdaa894c83"),
        (uvicorn.Server.serve, "112ef41af52167e3"),
        (uvicorn.Server._serve, "4575b7a50adfede8"),
        (uvicorn.Server.capture_signals, "e1bbcd4770d1c887"),
        (uvicorn.Server.shutdown, "9b33c50562992b1e"),
        (uvicorn.Server.on_tick, "60ea49b06ccf68c1"),
    ],
    ids=lambda part: getattr(part, "__qualname__", ""),
)
def test_uvicorn_is_as_it_was_when_the_protocol_was_written(part: Callable[..., object] | type, digest: str) -> None:
    """When this fails, read what changed in uvicorn, adapt `aether.server`, and only then change the digest."""
    assert hashlib.sha256(inspect.getsource(part).encode()).hexdigest()[:16] == digest
