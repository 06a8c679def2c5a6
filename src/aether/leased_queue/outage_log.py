"""Outage log: one line when Redis becomes unreachable, and one when it is back."""

import logging


class OutageLog:
    """Logs the first failure of an outage and the first success after it, not each failed attempt between them.

    Args:
        logger: Where to log.
        failure: What cannot be done, in a few words.
        recovery: The same for when it can be done again.
    """

    def __init__(self, logger: logging.Logger, failure: str, recovery: str) -> None:
        self._logger = logger
        self._failure = failure
        self._recovery = recovery
        self.is_outage = False

    def failed(self, error: Exception) -> None:
        """Record that Redis was not reached."""
        if not self.is_outage:
            self._logger.warning("%s: %r", self._failure, error)
        self.is_outage = True

    def recovered(self) -> None:
        """Record that Redis was reached."""
        if self.is_outage:
            self._logger.info(self._recovery)
        self.is_outage = False
