"""Errors of the API client."""

from aether.cli.client.schemas import Problem
from aether.errors import AetherError, TransientError


class ServerUnavailableError(TransientError):
    """The server did not answer, or answered that it cannot for now; if `unclear`, it may have done what was asked."""

    def __init__(self, message: str, retry_after: float | None = None, *, unclear: bool = False) -> None:
        super().__init__(message, retry_after)
        self.unclear = unclear


class TooManyRequestsError(ServerUnavailableError):
    """The server limits our requests, and says how long to wait."""

    def __init__(self, message: str, wait_s: float) -> None:
        super().__init__(message, wait_s)
        self.wait_s = wait_s


class RefusedError(AetherError):
    """The server refused the request; the message is the problem's detail and the rules that were broken."""

    def __init__(self, status: int, problem: Problem) -> None:
        message = problem.detail or problem.title or f"The server answered HTTP {status}."
        rules = [f"  {broken.field}: {broken.rule}" for broken in problem.errors if broken.rule not in message]
        super().__init__("\n".join([message, *rules]))
        self.status = status
        self.type = problem.type.rpartition(":")[2]


class NoExportError(AetherError):
    """The server is of a version without exports."""

    def __init__(self, url: str) -> None:
        super().__init__(f"{url} cannot export documents: it is older than this command.")


class UnexpectedResponseError(AetherError):
    """The response is not one of this API."""

    def __init__(self, url: str) -> None:
        super().__init__(f"{url} does not answer like an Aether server.")
