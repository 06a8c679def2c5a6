"""How an outage of Redis stands in the log."""

import logging


class OutageLog:
    """Notes when an outage begins and when it is over, and not each time that Redis is still away.

    Args:
        logger: Whose log it stands in.
        begins: What cannot be done, in a few words.
        ends: The same for when it can be done again.
    """

    def __init__(self, logger: logging.Logger, begins: str, ends: str) -> None:
        self._logger = logger
        self._begins = begins
        self._ends = ends
        self._lasts = False

    def met(self, error: Exception) -> None:
        """Redis could not be reached."""
        if not self._lasts:
            self._logger.warning("%s: %r", self._begins, error)
        self._lasts = True

    def over(self) -> None:
        """Redis was reached."""
        if self._lasts:
            self._logger.info(self._ends)
        self._lasts = False
