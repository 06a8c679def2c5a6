"""Access log: one line for each response."""

from http import HTTPStatus

import structlog

log = structlog.get_logger()


def log_response(method: str, route: str | None, status: int | None, seconds: float) -> None:
    """Log a response; `status` is None if none was sent."""
    # Health checks come every few seconds, so successful ones are logged at a lower level.
    is_routine = (route or "").startswith("/health/") and status == HTTPStatus.OK
    write = log.debug if is_routine else log.info
    write("request.answered", method=method, route=route, status=status, duration_ms=round(seconds * 1000, 1))
