"""/api/v1/tokens: an admin lists tokens, makes one, as the page does to add a host, and revokes one."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any, Protocol

from starlette.requests import Request
from starlette.responses import Response

from gpufleet_collector.access.book import DATABASE, FILE, Book
from gpufleet_collector.access.grants import MAX_NAME_LENGTH, Grant, Role, read_patterns
from gpufleet_collector.access.token import TOKEN_ID, Token
from gpufleet_collector.clock import Clock
from gpufleet_collector.errors import BadRequest
from gpufleet_collector.web import instants
from gpufleet_collector.web.access.guard import is_foreign
from gpufleet_collector.web.access.posting import read_object
from gpufleet_collector.web.answers import answer
from gpufleet_collector.web.endpoints import parameters
from gpufleet_collector.web.problems import problem

MAX_DAYS = 3_650
DAY_US = 86_400 * 1_000_000


class TokenStore(Protocol):
    """Where tokens are kept."""

    async def all(self) -> Sequence[Grant]:
        """Oldest first."""

    async def add(self, grant: Grant) -> None:
        """Keep a new one."""

    async def revoke(self, token_id: str, at_us: int) -> bool:
        """Whether there is such a token."""


@dataclass(frozen=True, slots=True)
class Enrolment:
    """`new_token` makes one of random bits."""

    tokens: TokenStore
    book: Book
    clock: Clock
    new_token: Callable[[], Token]

    async def __call__(self, request: Request) -> Response:
        parameters(request, ())
        if request.method in {"GET", "HEAD"}:
            tokens = [_object(grant, DATABASE) for grant in await self.tokens.all()]
            tokens += [_object(grant, FILE) for grant in self.book.grants_of(FILE)]
            return answer({"tokens": tokens, "count": len(tokens)})
        if is_foreign(request.headers, request.url.scheme):
            return problem(HTTPStatus.FORBIDDEN, "a page of another site may not do this")
        if self.book.is_open:
            detail = "the first token is made on the collector's machine: gpufleet-collector token create --role admin"
            return problem(HTTPStatus.CONFLICT, detail)
        if request.method == "DELETE":
            return await self._revoke(await read_object(request, ("id",)))
        return await self._create(await read_object(request, ("role", "name", "hosts", "days")))

    async def _create(self, asked: Mapping[str, Any]) -> Response:
        token, now = self.new_token(), self.clock.now().wall_us
        grant = _grant(asked, token, now)
        await self.tokens.add(grant)
        return answer({"token": token.text, **_object(grant, DATABASE)}, HTTPStatus.CREATED)

    async def _revoke(self, asked: Mapping[str, Any]) -> Response:
        token_id = asked.get("id")
        if not isinstance(token_id, str) or not await self._is_revoked(token_id):
            raise BadRequest("id", "there is no such token")
        return answer({"id": token_id})

    async def _is_revoked(self, token_id: str) -> bool:
        """Raises BadRequest for one of the file, which only who writes the file can revoke."""
        # Nothing else is an id, and of what else there is the database does not take every character.
        if TOKEN_ID.fullmatch(token_id) and await self.tokens.revoke(token_id, self.clock.now().wall_us):
            return True
        if any(token_id == grant.id for grant in self.book.grants_of(FILE)):
            raise BadRequest("id", "it is in the file that GPUFLEET_TOKENS_FILE names: remove its line")
        return False


def _grant(asked: Mapping[str, Any], token: Token, now: int) -> Grant:
    role, name, days = asked.get("role"), asked.get("name", ""), asked.get("days")
    if not isinstance(role, str) or role not in {each.value for each in Role}:
        raise BadRequest("role", f"is one of {', '.join(Role)}")
    if not isinstance(name, str) or len(name) > MAX_NAME_LENGTH or not name.isprintable():
        raise BadRequest("name", f"has at most {MAX_NAME_LENGTH} printable characters")
    # True is an int, too.
    if days is not None and not (type(days) is int and 0 < days <= MAX_DAYS):
        raise BadRequest("days", f"is a whole number, 1 to {MAX_DAYS}")
    expires_at = None if days is None else now + days * DAY_US
    return Grant(token.id, token.digest, Role(role), name, _hosts(asked.get("hosts")), now, expires_at)


def _hosts(given: object) -> tuple[str, ...]:
    if given is None or given == "":
        return ()
    if not isinstance(given, str):
        raise BadRequest("hosts", "is a text of patterns, separated by commas")
    try:
        return read_patterns(given)
    except ValueError as error:
        raise BadRequest("hosts", str(error)) from None


def _object(grant: Grant, source: str) -> dict[str, object]:
    return {
        "id": grant.id,
        "role": grant.role.value,
        "source": source,
        "name": grant.name,
        "hosts": list(grant.hosts),
        "created_at": instants.write_optional(grant.created_at),
        "expires_at": instants.write_optional(grant.expires_at),
        "revoked_at": instants.write_optional(grant.revoked_at),
    }
