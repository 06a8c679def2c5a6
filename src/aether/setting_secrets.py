"""Setting secrets: values of settings that are neither printed nor logged."""

import re

import msgspec

_HEADER_NAME = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
_HEADER_VALUE = re.compile(r"[\t -~]*")
_decode_headers = msgspec.json.Decoder(dict[str, str | int | float]).decode


class Secret:
    """A value that is not printed or logged; `reveal` returns it."""

    __slots__ = ("_value",)

    def __init__(self, value: str) -> None:
        self._value = value

    def reveal(self) -> str:
        """Return the value; never log it."""
        return self._value

    def __repr__(self) -> str:
        return "Secret(…)"


class SecretHeaders(Secret):
    """HTTP headers as a JSON object, whose values are secret.

    Raises:
        ValueError: it is no such object; the message does not quote it.
    """

    __slots__ = ()

    def __init__(self, value: str) -> None:
        super().__init__(value)
        try:
            headers = self.reveal_headers()
        except msgspec.DecodeError:
            headers = {"": ""}
        if not all(_HEADER_NAME.fullmatch(name) and _HEADER_VALUE.fullmatch(text) for name, text in headers.items()):
            raise ValueError("Expected a JSON object of HTTP headers, whose values are texts in ASCII")

    def reveal_headers(self) -> dict[str, str]:
        """Return the headers; never log them."""
        return {name: str(value) for name, value in _decode_headers(self.reveal()).items()}
