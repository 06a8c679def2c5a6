"""Read tokens: whoever has one may read one job for a while, and do nothing else."""

import secrets
from datetime import datetime, timedelta
from typing import Protocol

import msgspec
from msgspec.structs import replace

from aether.domain.access import Caller, Scope
from aether.domain.job import Kind
from aether.errors import BeyondTokenError, InvalidCredentialError
from aether.identity.api_keys import digest_of
from aether.settings import Secret

PREFIX = "aejt_"
_SECRET_BYTES = 32
_LENGTH = len(PREFIX) + 43  # the secret in base64url, without padding


class ReadToken(msgspec.Struct, frozen=True):
    """A token as it is given out, and when it ends."""

    text: Secret
    ends_at: datetime


class ReadTokenStore(Protocol):
    """Where tokens are kept, by the SHA-256 of their texts, until they end or their job is gone.

    All methods raise StoreUnavailableError while the store cannot be reached. Times are the store's own.
    """

    async def add(self, kind: Kind, job_id: str, digest: str, reader: Caller, life: timedelta) -> datetime:
        """Keep a token for a job of the reader's, and return when it ends: no later than the record, as that stands.

        Of a job's tokens those 20 are kept that end last, this one among them.

        Raises:
            UnknownJobError: the owner has no such job (any more).
        """
        ...

    async def reader(self, job_id: str, digest: str) -> Caller | None:
        """Return for whom the token of this job stands; None if there is none (any more).

        It takes as long whether there is such a job or not.
        """
        ...


class ReadTokens:
    """The tokens for the jobs of all owners.

    A token is no way around the limits of whoever made it: its requests count as theirs.
    """

    def __init__(self, store: ReadTokenStore) -> None:
        self._store = store

    async def issue(self, kind: Kind, job_id: str, maker: Caller, life: timedelta) -> ReadToken:
        """Make a token for a job of the maker's; its text is not kept and never shown again.

        Raises:
            UnknownJobError: the maker has no such job (any more).
            StoreUnavailableError: the store is away.
        """
        text = PREFIX + secrets.token_urlsafe(_SECRET_BYTES)
        reader = replace(maker, scopes=frozenset({Scope.READ}), job_id=job_id)
        return ReadToken(Secret(text), await self._store.add(kind, job_id, digest_of(text), reader, life))

    async def caller(self, text: str, job_id: str | None) -> Caller:
        """Return for whom the token stands in a request that reads this job; None is any other request.

        Raises:
            BeyondTokenError: it is any other.
            InvalidCredentialError: the token is none of this job, be there such a job or not, or has ended.
            StoreUnavailableError: nobody can say.
        """
        if job_id is None:
            raise BeyondTokenError
        # What the time of a look-up tells is about a digest, which nobody can choose to come near to another.
        reader = await self._store.reader(job_id, digest_of(text)) if len(text) == _LENGTH else None
        if reader is None:
            raise InvalidCredentialError("The token does not read this job, or not any more.")
        return reader


def is_read_token(credential: str) -> bool:
    """Whether this looks like a read token; no look-up is made for it."""
    return credential.startswith(PREFIX)
