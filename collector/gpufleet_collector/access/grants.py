"""What a token allows: a role, for some hosts, until some time."""

import enum
from collections.abc import Mapping
from dataclasses import dataclass
from fnmatch import fnmatchcase


class Role(enum.StrEnum):
    """An agent's may only stream, a viewer's only read; an admin's may do everything."""

    AGENT = "agent"
    VIEWER = "viewer"
    ADMIN = "admin"


class Right(enum.Enum):
    """What a token may be needed for."""

    STREAM = "stream as an agent"
    READ = "read"
    ADMINISTER = "administer"


RIGHTS: Mapping[Role, frozenset[Right]] = {
    Role.AGENT: frozenset({Right.STREAM}),
    Role.VIEWER: frozenset({Right.READ}),
    Role.ADMIN: frozenset(Right),
}

MAX_NAME_LENGTH = 100
MAX_PATTERNS = 64
MAX_PATTERN_LENGTH = 256


@dataclass(frozen=True, slots=True)
class Grant:
    """A token as it is kept: never itself, but the SHA-256 of it. `hosts` are patterns as of a shell, of which a host's
    name has to meet one; none allows any. Instants are microseconds of wall time, None is never."""

    id: str
    digest: bytes
    role: Role
    name: str = ""
    hosts: tuple[str, ...] = ()
    created_at: int | None = None
    expires_at: int | None = None
    revoked_at: int | None = None

    def is_valid(self, now_us: int) -> bool:
        return self.revoked_at is None and (self.expires_at is None or now_us < self.expires_at)

    def may(self, right: Right) -> bool:
        return right in RIGHTS[self.role]

    def speaks_for(self, host: str) -> bool:
        return not self.hosts or any(fnmatchcase(host, pattern) for pattern in self.hosts)


def read_patterns(text: str) -> tuple[str, ...]:
    """Patterns of host names, separated by commas. Raises ValueError that says what is wrong."""
    patterns = tuple(dict.fromkeys(part.strip() for part in text.split(",")))
    if not all(patterns):
        raise ValueError("a pattern of hosts is empty")
    if len(patterns) > MAX_PATTERNS:
        raise ValueError(f"there are more than {MAX_PATTERNS} patterns of hosts")
    for pattern in patterns:
        if len(pattern) > MAX_PATTERN_LENGTH or not pattern.isprintable():
            raise ValueError(f"a pattern of hosts has 1 to {MAX_PATTERN_LENGTH} printable characters")
        # In a file of tokens either would end the pattern, and what follows it would not be read as meant.
        if " " in pattern or "#" in pattern:
            raise ValueError("a pattern of hosts has neither blanks nor #: write ? in the place of each")
    return patterns
