"""Identity provider: the one whose tokens the API accepts, if one is configured."""

import re
from contextlib import AbstractAsyncContextManager, nullcontext

import msgspec

from aether.domain.access import Scope
from aether.durable.clock import SystemClock
from aether.errors import ConfigurationError
from aether.identity.authenticator import TokenVerifier
from aether.installation import extra_hint
from aether.settings import Settings

_VARIABLES = ("AETHER_JWT_ISSUER", "AETHER_JWT_AUDIENCE", "AETHER_JWT_JWKS")
_HTTPS = r"https://[^\s/?#@]+([/?][^\s#]*)?"
_LOOPBACK = r"http://(localhost|127(\.\d{1,3}){3}|\[::1\])(:\d{1,5})?([/?][^\s#]*)?"
_FILE = r"(file://)?/.+"
_JWKS = re.compile(f"{_HTTPS}|{_LOOPBACK}|{_FILE}")


def accepts_tokens(settings: Settings) -> bool:
    """Whether an identity provider is configured.

    Raises:
        ConfigurationError: it is configured in part, or the location of its keys is not allowed.
    """
    return _provider(settings) is not None


def token_verifier(settings: Settings) -> AbstractAsyncContextManager[TokenVerifier | None]:
    """Return a context manager that opens the verifier of the provider's tokens, or None if no provider is configured.

    Raises:
        ConfigurationError: as `accepts_tokens`, or the libraries are not installed.
    """
    provider = _provider(settings)
    if provider is None:
        return nullcontext()
    try:
        from aether.adapters.jwt.claims import ClaimsPolicy  # noqa: PLC0415 - it needs an extra
        from aether.adapters.jwt.verifier import JwtVerifier  # noqa: PLC0415 - as above
    except ModuleNotFoundError as error:
        raise ConfigurationError(f"AETHER_JWT_ISSUER needs its libraries. {extra_hint('jwt')}") from error
    policy = ClaimsPolicy(
        issuer=provider.issuer,
        audience=provider.audience,
        algorithms=frozenset(settings.jwt_algorithms.split(",")),
        leeway_s=settings.jwt_leeway,
        scopes=frozenset(map(Scope, settings.jwt_scopes.split(","))),
        scope_claim=settings.jwt_scope_claim,
    )
    return JwtVerifier.open(provider.jwks, policy, SystemClock())


class _Provider(msgspec.Struct, frozen=True):
    issuer: str
    audience: str
    jwks: str


def _provider(settings: Settings) -> _Provider | None:
    values = (settings.jwt_issuer, settings.jwt_audience, settings.jwt_jwks)
    match values:
        case (None, None, None):
            return None
        case (str(issuer), str(audience), str(jwks)):
            if not _JWKS.fullmatch(jwks):
                raise ConfigurationError(
                    "AETHER_JWT_JWKS: Expected an https:// address, an http:// address on this machine, "
                    "or the absolute path of a file."
                )
            return _Provider(issuer, audience, jwks)
    missing = [variable for variable, value in zip(_VARIABLES, values, strict=True) if value is None]
    raise ConfigurationError(f"Set {' and '.join(missing)} too: {', '.join(_VARIABLES)} go together.")
