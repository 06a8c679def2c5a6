"""The base class of all errors."""


class AetherError(Exception):
    """Base of every error raised on purpose; its message may be shown to the caller."""
