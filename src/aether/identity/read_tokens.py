"""Read tokens: each lets its holder read one job for a limited time, and nothing else."""

import secrets
from datetime import datetime, timedelta
from typing import Protocol

import msgspec
from msgspec.structs import replace

from aether.domain.access import Caller, Scope
from aether.domain.job import Kind
from aether.errors import InvalidCredentialError, ReadTokenScopeError
from aether.identity.api_keys import hash_secret
from aether.settings import Secret

PREFIX = "aejt_"
_SECRET_BYTES = 32
_LENGTH = len(PREFIX) + 43  # the secret in base64url, without padding


class ReadToken(msgspec.Struct, frozen=True):
    """A token and when it expires."""

    text: Secret
    expires_at: datetime


class ReadTokenStore(Protocol):
    """Stores tokens by the SHA-256 of their text, until they expire or their job is gone.

    All methods raise StoreUnavailableError while the store cannot be reached. All times are read from the store's
    clock.
    """

    async def add(self, kind: Kind, job_id: str, digest: str, reader: Caller, lifetime: timedelta) -> datetime:
        """Store a token for a job of the reader's, and return when it expires: with the job's record at the latest.

        A job has at most 20 tokens; a new one replaces the one that expires first.

        Raises:
            UnknownJobError: the owner has no such job (any more).
        """
        ...

    async def load(self, job_id: str, digest: str) -> Caller | None:
        """Return the caller that a token of this job identifies; None if there is none (any more).

        The lookup takes as long whether the job exists or not.
        """
        ...


class ReadTokens:
    """The read tokens of all owners' jobs.

    Requests with a token count towards the limits of the caller who created it.
    """

    def __init__(self, store: ReadTokenStore) -> None:
        self._store = store

    async def issue(self, kind: Kind, job_id: str, creator: Caller, lifetime: timedelta) -> ReadToken:
        """Create a token for a job of the creator's; its text is not stored and cannot be shown again.

        Raises:
            UnknownJobError: the creator has no such job (any more).
            StoreUnavailableError: the store is unavailable.
        """
        text = PREFIX + secrets.token_urlsafe(_SECRET_BYTES)
        reader = replace(creator, scopes=frozenset({Scope.READ}), job_id=job_id)
        return ReadToken(Secret(text), await self._store.add(kind, job_id, hash_secret(text), reader, lifetime))

    async def verify(self, text: str, job_id: str | None) -> Caller:
        """Return the caller that the token identifies; `job_id` is the job that the request only reads, if any.

        Raises:
            ReadTokenScopeError: the request does anything else.
            InvalidCredentialError: the token is not for this job, which may not exist, or has expired.
            StoreUnavailableError: the store is unavailable.
        """
        if job_id is None:
            raise ReadTokenScopeError
        # The timing of the lookup reveals only digests, and nobody can craft a token whose digest is close to another.
        reader = await self._store.load(job_id, hash_secret(text)) if len(text) == _LENGTH else None
        if reader is None:
            raise InvalidCredentialError("The token does not read this job, or not any more.")
        return reader


def is_read_token(credential: str) -> bool:
    """Whether the credential has the format of a read token; makes no lookup."""
    return credential.startswith(PREFIX)
