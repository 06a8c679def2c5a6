"""Operator errors: the settings or API keys of the service need attention."""

from aether.errors.base import AetherError


class ConfigurationError(AetherError):
    """The service cannot start with these settings; the message says what to set."""


class UnknownKeyError(AetherError):
    """No API key has this id, and no valid one this name."""

    def __init__(self, id_or_name: str) -> None:
        super().__init__(f"There is no valid key {id_or_name}.")
        self.id_or_name = id_or_name


class NameTakenError(AetherError):
    """A valid API key has this name already."""

    def __init__(self, name: str) -> None:
        super().__init__(f"There is a key {name} already; revoke it first, or rotate it.")
        self.name = name
