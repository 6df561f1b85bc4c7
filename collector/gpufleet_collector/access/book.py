"""Every token that is known now, from wherever; and who is connected with which, so that they end with it."""

import itertools
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

from gpufleet_collector.access.grants import Grant, Right
from gpufleet_collector.access.token import digest_of
from gpufleet_collector.errors import DatabaseUnavailable, Forbidden, Unauthenticated

DATABASE, FILE = "database", "file"
"""Where tokens are from."""

MAX_CREDENTIALS_LENGTH = 512
_BEARER = "bearer "
_NO_TOKEN = b""


@dataclass(slots=True)
class _Held:
    """What is open with one token, or, with None, without: functions that end it, by number."""

    grant: Grant | None
    ends: dict[int, Callable[[], None]] = field(default_factory=dict)


class Book:
    """A pure state: told which tokens there are, asked who may do what. Open for as long as it never knew a token: one
    that was created closes it, and that stays so when it is revoked or has expired. Until it was told of every one of
    `sources` nobody knows whether it is open, and nobody is let in."""

    def __init__(self, sources: Iterable[str] = ()) -> None:
        self._sources: dict[str, dict[bytes, Grant]] = {}
        self._awaited = set(sources)
        self._is_closed = False
        self._held: dict[bytes, _Held] = {}
        self._numbers = itertools.count(1)

    @property
    def is_open(self) -> bool:
        """Whether everybody may do everything, as on a machine where nobody made a token."""
        return not (self._is_closed or self._awaited)

    def replace(self, source: str, grants: Iterable[Grant], *, closes: bool = False) -> None:
        """The tokens of one source are these. With `closes` the book is closed without any, too."""
        self._awaited.discard(source)
        self._sources[source] = {grant.digest: grant for grant in grants}
        self._is_closed = self._is_closed or closes or bool(self._sources[source])

    def grants_of(self, source: str) -> list[Grant]:
        """The tokens of one source, in the order in which it has them."""
        return list(self._sources.get(source, {}).values())

    def admit(self, authorization: str | None, right: Right, now_us: int) -> Grant | None:
        """The grant of whoever sends this `authorization`; None where the book is open. Raises Unauthenticated, which
        does not say why, and Forbidden."""
        if self.is_open:
            return None
        grant = self._find(bearer(authorization), now_us)
        if grant is None and self._awaited:
            raise DatabaseUnavailable("which tokens there are is not known yet")
        if grant is None:
            raise Unauthenticated
        if not grant.may(right):
            raise Forbidden(f"a token of role {grant.role} may not {right.value}")
        return grant

    def _find(self, text: str | None, now_us: int) -> Grant | None:
        if text is None:
            return None
        grant = self._known(digest_of(text))
        return grant if grant is not None and grant.is_valid(now_us) else None

    def _known(self, digest: bytes) -> Grant | None:
        """Of a token that several sources have, what revokes it counts."""
        found = [known[digest] for known in self._sources.values() if digest in known]
        return next((grant for grant in found if grant.revoked_at is not None), found[0] if found else None)

    # ------------------------------------------------------------------------------------------------- who is connected

    def hold(self, grant: Grant | None, end: Callable[[], None]) -> Callable[[], None]:
        """Something is open with this grant, or with none: `end` is called once when it must not be any more. Returns
        what to call when it has ended by itself."""
        digest, number = grant.digest if grant else _NO_TOKEN, next(self._numbers)
        self._held.setdefault(digest, _Held(grant)).ends[number] = end
        return lambda: self._let_go(digest, number)

    def _let_go(self, digest: bytes, number: int) -> None:
        held = self._held.get(digest)
        if held is None:
            return
        held.ends.pop(number, None)
        if not held.ends:
            del self._held[digest]

    def sweep(self, now_us: int) -> int:
        """End what is open with tokens that are revoked, expired or gone, and what came while the book was open. How
        many there were."""
        over = [digest for digest in self._held if not self._may_stay(digest, now_us)]
        ends = [end for digest in over for end in self._held.pop(digest).ends.values()]
        for end in ends:
            end()
        return len(ends)

    def _may_stay(self, digest: bytes, now_us: int) -> bool:
        held, grant = self._held[digest].grant, self._known(digest)
        if held is None:
            return self.is_open
        # A token whose rights were narrowed in its file is a new one to whoever is connected with it.
        return grant is not None and grant.is_valid(now_us) and (grant.role, grant.hosts) == (held.role, held.hosts)


def bearer(authorization: str | None) -> str | None:
    """The token of an `Authorization: Bearer ...`; None where it is none."""
    if authorization is None or len(authorization) > MAX_CREDENTIALS_LENGTH:
        return None
    if authorization[: len(_BEARER)].lower() != _BEARER:
        return None
    return authorization[len(_BEARER) :].strip() or None
