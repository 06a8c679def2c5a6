"""Claims: what a token must state to be accepted, and the caller and scopes that it grants."""

from typing import Any

import jwt
import msgspec

from aether.domain.access import MAX_OWNER_LENGTH, Caller, Scope, is_owner_name
from aether.errors import InvalidCredentialError

_SCOPES = {prefix + scope: scope for scope in Scope for prefix in ("", "aether:")}
_REQUIRED = ["iss", "aud", "exp", "sub"]

_MESSAGES: dict[type[jwt.PyJWTError], str] = {
    jwt.ExpiredSignatureError: "The token has expired.",
    jwt.ImmatureSignatureError: "The token is not valid yet.",
    jwt.InvalidAudienceError: "The token is not for this service.",
    jwt.InvalidIssuerError: "The token is not from this service's identity provider.",
    jwt.InvalidSignatureError: "The token's signature is not valid.",
}

Claims = dict[str, Any]
"""The claims of a token as JSON, with PyJWT's type."""


class ClaimsPolicy(msgspec.Struct, frozen=True):
    """Which tokens are accepted: issuer, audience, algorithms, and the leeway for clocks in seconds.

    `scopes` are granted to a token without the claim `scope_claim`.
    """

    issuer: str
    audience: str
    algorithms: frozenset[str]
    leeway_s: float
    scopes: frozenset[Scope]
    scope_claim: str


def verify_claims(token: str, key: jwt.PyJWK, policy: ClaimsPolicy) -> Claims:
    """Return the claims of a token that is signed by this key and accepted by the policy.

    Raises:
        InvalidCredentialError: it is not.
    """
    try:
        return jwt.decode(
            token,
            key,
            algorithms=[key.algorithm_name],
            issuer=policy.issuer,
            audience=policy.audience,
            leeway=policy.leeway_s,
            options={"require": _REQUIRED},
        )
    except jwt.PyJWTError as error:
        raise InvalidCredentialError(_message(error)) from error


def _message(error: jwt.PyJWTError) -> str:
    if isinstance(error, jwt.MissingRequiredClaimError):
        return f"The token has no {error.claim}."
    matching = (message for error_class, message in _MESSAGES.items() if isinstance(error, error_class))
    return next(matching, "The token is malformed.")


def caller_of(claims: Claims, policy: ClaimsPolicy) -> Caller:
    """Return the caller that these claims identify.

    Raises:
        InvalidCredentialError: the subject cannot be an owner.
    """
    subject = claims["sub"]
    if not is_owner_name(subject):
        rule = f"1 to {MAX_OWNER_LENGTH} printable characters, without space around them"
        raise InvalidCredentialError(f"The token's sub must be {rule}.")
    return Caller(subject, _scopes(claims, policy))


def _scopes(claims: Claims, policy: ClaimsPolicy) -> frozenset[Scope]:
    """Return the scopes in a string of words (RFC 8693, section 4.2) or in a list; unknown scopes are ignored."""
    if policy.scope_claim not in claims:
        return policy.scopes
    claim = claims[policy.scope_claim]
    words = claim.split() if isinstance(claim, str) else claim if isinstance(claim, list) else []
    return frozenset(_SCOPES[word] for word in words if isinstance(word, str) and word in _SCOPES)
