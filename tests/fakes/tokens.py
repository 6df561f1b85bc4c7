"""Tokens in memory, as the database keeps them."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from gpufleet_collector.access.grants import Grant, Role
from gpufleet_collector.access.token import digest_of


@dataclass
class HeldTokens:
    grants: list[Grant] = field(default_factory=list)

    async def all(self) -> Sequence[Grant]:
        return list(self.grants)

    async def add(self, grant: Grant) -> None:
        self.grants.append(grant)

    async def revoke(self, token_id: str, at_us: int) -> bool:
        assert "\x00" not in token_id, "PostgreSQL takes no such text"
        before = len([grant for grant in self.grants if grant.id == token_id])
        self.grants = [
            replace(grant, revoked_at=grant.revoked_at or at_us) if grant.id == token_id else grant
            for grant in self.grants
        ]
        return bool(before)


def grant_of(text: str, role: Role, **more: object) -> Grant:
    """Of a token that is this text, which need not look like one."""
    return Grant(text, digest_of(text), role, **more)  # type: ignore[arg-type]
