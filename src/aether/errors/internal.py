"""Internal errors: handled inside Aether before a caller could see them."""

from aether.errors.base import AetherError


class FencedError(AetherError):
    """The job was cancelled, erased or taken over; this run must stop writing."""

    def __init__(self, job_id: str) -> None:
        super().__init__("This run no longer owns its job.")
        self.job_id = job_id


class ModelPausedError(AetherError):
    """The job's model is paused or silent for longer than a run waits; another run continues after these seconds."""

    def __init__(self, seconds: float) -> None:
        super().__init__(f"The model is paused for {seconds:g} seconds.")
        self.seconds = seconds


class UnsupportedRecordError(AetherError):
    """A stored record has a kind or a status that this process does not know, so it leaves it to a newer process."""

    def __init__(self, record_id: str, word: str) -> None:
        super().__init__(f"This version does not know {word}.")
        self.record_id = record_id
        self.word = word


class RefusedDestinationError(AetherError):
    """The SSRF policy forbids calling this address; `rule` says what the address must be like."""

    def __init__(self, rule: str) -> None:
        super().__init__(f"The address {rule}.")
        self.rule = rule
