"""What a token says, once its signature has been found good: whom it stands for, and what they may do."""

from typing import Any

import jwt
import msgspec

from aether.domain.access import MAX_OWNER_LENGTH, Caller, Scope, is_owner_name
from aether.errors import InvalidCredentialError

_SCOPES = {prefix + scope: scope for scope in Scope for prefix in ("", "aether:")}
_REQUIRED = ["iss", "aud", "exp", "sub"]

_REASONS: dict[type[jwt.PyJWTError], str] = {
    jwt.ExpiredSignatureError: "The token has expired.",
    jwt.ImmatureSignatureError: "The token is not valid yet.",
    jwt.InvalidAudienceError: "The token is not for this service.",
    jwt.InvalidIssuerError: "The token is not from this service's identity provider.",
    jwt.InvalidSignatureError: "The token's signature is not valid.",
}

Claims = dict[str, Any]
"""Members of a JSON object, as PyJWT types them."""


class ClaimsPolicy(msgspec.Struct, frozen=True):
    """What tokens are taken: whose, for whom, signed how, give or take how many seconds.

    `scopes` are those of a token that does not carry the claim `scope_claim`.
    """

    issuer: str
    audience: str
    algorithms: frozenset[str]
    leeway_s: float
    scopes: frozenset[Scope]
    scope_claim: str


def verified_claims(token: str, key: jwt.PyJWK, terms: ClaimsPolicy) -> Claims:
    """Return what the token says if the key has signed it and it is taken.

    Raises:
        InvalidCredentialError: it is not.
    """
    try:
        return jwt.decode(
            token,
            key,
            algorithms=[key.algorithm_name],
            issuer=terms.issuer,
            audience=terms.audience,
            leeway=terms.leeway_s,
            options={"require": _REQUIRED},
        )
    except jwt.PyJWTError as error:
        raise InvalidCredentialError(_reason(error)) from error


def _reason(error: jwt.PyJWTError) -> str:
    if isinstance(error, jwt.MissingRequiredClaimError):
        return f"The token has no {error.claim}."
    return next((reason for kind, reason in _REASONS.items() if isinstance(error, kind)), "The token is malformed.")


def caller_of(claims: Claims, terms: ClaimsPolicy) -> Caller:
    """Return whom these claims stand for.

    Raises:
        InvalidCredentialError: their subject cannot own anything.
    """
    subject = claims["sub"]
    if not is_owner_name(subject):
        rule = f"1 to {MAX_OWNER_LENGTH} printable characters, without space around them"
        raise InvalidCredentialError(f"The token's sub must be {rule}.")
    return Caller(subject, _scopes(claims, terms))


def _scopes(claims: Claims, terms: ClaimsPolicy) -> frozenset[Scope]:
    """Read the scopes, which are words in a text (RFC 8693, section 4.2) or a list; those of others are passed over."""
    if terms.scope_claim not in claims:
        return terms.scopes
    said = claims[terms.scope_claim]
    words = said.split() if isinstance(said, str) else said if isinstance(said, list) else []
    return frozenset(_SCOPES[word] for word in words if isinstance(word, str) and word in _SCOPES)
