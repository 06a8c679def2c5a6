"""Permanent errors: a retry would not help."""

from collections.abc import Sequence

from aether.errors.base import AetherError


class PermanentError(AetherError):
    """Something failed for good; `status` is the other side's HTTP status, None if it sent none."""

    status: int | None = None


class ModelRejectedKeyError(PermanentError):
    """The model server's API key is missing, wrong, or lacks access to the model.

    `setting` is where it is set; `detail` is a sentence of the server, without the key.
    """

    def __init__(self, status: int, setting: str = "OPENAI_API_KEY", detail: str = "") -> None:
        words = f": {detail}" if detail else "."
        super().__init__(f"The model server rejected the API key (HTTP {status}){words} Check {setting}.")
        self.status = status


class ModelRejectedRequestError(PermanentError):
    """The model server rejected the request itself."""

    def __init__(self, status: int, detail: str) -> None:
        super().__init__(f"The model server rejected the request (HTTP {status}): {detail}")
        self.status = status


class UnknownModelError(PermanentError):
    """The request names a model that this service does not offer."""

    def __init__(self, model: str, offered: Sequence[str]) -> None:
        super().__init__(f"There is no model {model} here. Choose {' or '.join(offered)}, or name none.")
        self.model = model


class ModelRefusedError(PermanentError):
    """The model or its content filter declined to answer."""

    def __init__(self, reason: str, status: int | None = None) -> None:
        super().__init__(f"The model declined to answer: {reason}")
        self.status = status


class BudgetExceededError(PermanentError):
    """The next call might exceed the job's token budget."""

    def __init__(self, limit: int, spent: int, needed: int) -> None:
        super().__init__(
            f"The job may spend {limit} tokens; {spent} are spent, and the next call may need {needed}. "
            "Retry with a higher maxTokens to go on."
        )


class DeadlineExceededError(PermanentError):
    """The job was not finished before its deadline."""

    def __init__(self, seconds: float) -> None:
        super().__init__(f"The job was not finished within {seconds:g} seconds of being queued.")


class StepFailedError(PermanentError):
    """A step of a job failed for good; `cause` is its last error."""

    def __init__(self, step: str, title: str | None, attempts: int, cause: AetherError) -> None:
        times = "" if attempts == 1 else f" after {attempts} attempts"
        super().__init__(f"{title or step.capitalize()} failed{times}: {cause}")
        self.step = step
        self.attempts = attempts
        self.cause = cause
