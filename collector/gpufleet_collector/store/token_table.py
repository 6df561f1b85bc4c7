"""The table of tokens: made, listed and revoked by the operator, read by every collector."""

from typing import Any

from sqlalchemy import Row, insert, select, update

from gpufleet_collector.access.grants import Grant, Role
from gpufleet_collector.errors import ConfigurationError
from gpufleet_collector.store.database import Database
from gpufleet_collector.store.schema import tokens
from gpufleet_collector.store.times import to_datetime, to_us

MAX_TOKENS = 100_000
"""More are not made: every collector holds all of them."""

_ROLES = frozenset(role.value for role in Role)


class Tokens:
    """Every method raises DatabaseUnavailable where the database does not answer."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def add(self, grant: Grant) -> None:
        """Raises ConfigurationError when there are too many."""
        async with self._database.begin() as connection:
            known = (await connection.execute(select(tokens.c.id).limit(MAX_TOKENS))).all()
            if len(known) >= MAX_TOKENS:
                raise ConfigurationError(f"there are {MAX_TOKENS} tokens, the most that may be")
            await connection.execute(insert(tokens).values(_values(grant)))

    async def all(self) -> list[Grant]:
        """Oldest first, revoked and expired ones too; without those of a role that only a newer collector knows."""
        async with self._database.connect() as connection:
            rows = await connection.execute(select(tokens).order_by(tokens.c.created_at, tokens.c.id))
            return [grant for row in rows if (grant := _grant(row)) is not None]

    async def revoke(self, token_id: str, at_us: int) -> bool:
        """False when there is no such token; one that is revoked already stays so since then."""
        async with self._database.begin() as connection:
            found = await connection.execute(select(tokens.c.id).where(tokens.c.id == token_id))
            if found.first() is None:
                return False
            revoking = update(tokens).where(tokens.c.id == token_id, tokens.c.revoked_at.is_(None))
            await connection.execute(revoking.values(revoked_at=to_datetime(at_us)))
            return True


def _values(grant: Grant) -> dict[str, Any]:
    assert grant.created_at is not None
    return {
        "id": grant.id,
        "digest": grant.digest,
        "role": grant.role.value,
        "name": grant.name,
        "hosts": list(grant.hosts),
        "created_at": to_datetime(grant.created_at),
        "expires_at": None if grant.expires_at is None else to_datetime(grant.expires_at),
        "revoked_at": None,
    }


def _grant(row: Row[Any]) -> Grant | None:
    if row.role not in _ROLES:
        return None
    return Grant(
        id=row.id,
        digest=bytes(row.digest),
        role=Role(row.role),
        name=row.name,
        hosts=tuple(row.hosts),
        created_at=to_us(row.created_at),
        expires_at=None if row.expires_at is None else to_us(row.expires_at),
        revoked_at=None if row.revoked_at is None else to_us(row.revoked_at),
    )
