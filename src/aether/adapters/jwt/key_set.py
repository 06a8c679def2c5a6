"""Key set: the public keys that an identity provider publishes."""

from collections.abc import Collection, Iterator, Sequence
from typing import Self

import jwt
import msgspec
import structlog
from cryptography.exceptions import UnsupportedAlgorithm

# Type and curve of the key for each algorithm: RFC 7518, sections 3.1 and 6; RFC 8037.
_KEY_TYPES = {
    **dict.fromkeys(("RS256", "RS384", "RS512", "PS256", "PS384", "PS512"), ("RSA", None)),
    "ES256": ("EC", "P-256"),
    "ES384": ("EC", "P-384"),
    "ES512": ("EC", "P-521"),
    "EdDSA": ("OKP", "Ed25519"),
}

log = structlog.get_logger()


class _JwkSet(msgspec.Struct, frozen=True):
    keys: tuple[msgspec.Raw, ...]


class _Jwk(msgspec.Struct, frozen=True, omit_defaults=True):
    """The parameters of a public key; private ones, which should never be published, are not read."""

    kty: str
    kid: str | None = None
    alg: str | None = None
    use: str | None = None
    key_ops: tuple[str, ...] | None = None
    crv: str | None = None
    x: str | None = None
    y: str | None = None
    n: str | None = None
    e: str | None = None

    def supports(self, algorithm: str) -> bool:
        """Whether this key may verify signatures of this algorithm."""
        return (
            _KEY_TYPES[algorithm] == (self.kty, self.crv)
            and self.alg in (None, algorithm)
            and self.use in (None, "sig")
            and (self.key_ops is None or "verify" in self.key_ops)
        )


_set_decoder = msgspec.json.Decoder(_JwkSet)
_key_decoder = msgspec.json.Decoder(_Jwk)


class KeySet:
    """Keys, each for one algorithm; a published key for several algorithms is included once for each."""

    def __init__(self, keys: Sequence[jwt.PyJWK]) -> None:
        self._keys = keys

    @classmethod
    def parse(cls, content: bytes, algorithms: Collection[str]) -> Self:
        """Parse a JWK set; keys that support none of these algorithms are skipped, as RFC 7517 asks.

        Raises:
            ValueError: it is not a JWK set, or has no usable key.
        """
        try:
            published = _set_decoder.decode(content).keys
        except (msgspec.DecodeError, RecursionError) as error:
            raise ValueError("it is no JWK set") from error
        keys = [key for raw in published for key in _usable_keys(raw, algorithms)]
        if not keys:
            raise ValueError("no key in it fits an accepted algorithm")
        return cls(keys)

    def find(self, algorithm: str, kid: str | None) -> jwt.PyJWK | None:
        """Return the key with this id, or with any id if `kid` is None; None unless exactly one key matches."""
        matching = [key for key in self._keys if key.algorithm_name == algorithm and kid in (None, key.key_id)]
        return matching[0] if len(matching) == 1 else None


def _usable_keys(raw: msgspec.Raw, algorithms: Collection[str]) -> Iterator[jwt.PyJWK]:
    try:
        jwk = _key_decoder.decode(raw)
        for algorithm in filter(jwk.supports, algorithms):
            yield _build_key(jwk, algorithm)
    except (msgspec.DecodeError, RecursionError, jwt.PyJWTError, UnsupportedAlgorithm, ValueError) as error:
        log.warning("identity.key_passed_over", reason=f"{type(error).__name__}: {error}")


def _build_key(jwk: _Jwk, algorithm: str) -> jwt.PyJWK:
    key = jwt.PyJWK(msgspec.to_builtins(jwk), algorithm)
    if weakness := key.Algorithm.check_key_length(key.key):
        raise ValueError(weakness)
    return key
