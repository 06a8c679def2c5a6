"""Last-Event-ID: the header with which a client resumes an event stream (WHATWG HTML, 9.2.4)."""

from typing import Annotated

from litestar.params import HeaderParameter

LastEventId = Annotated[
    str,
    HeaderParameter(name="Last-Event-ID", description="The last `id` that you received, as `EventSource` sends it."),
]
