"""The mounted list of tokens, so that a cluster is closed from its start: a line for each, with its digest.

agent sha256:4f5c... name=rack-1 hosts=gpu-*,node-? expires=2027-01-01T00:00:00Z
"""

import re
from collections.abc import Iterator
from datetime import UTC, datetime

from gpufleet_collector.access.grants import MAX_NAME_LENGTH, Grant, Role, read_patterns
from gpufleet_collector.errors import ConfigurationError

MAX_FILE_BYTES = 4 * 1024 * 1024
MAX_LINES = 10_000
_LINE = re.compile(r"(?P<role>\S+)\s+sha256:(?P<digest>[0-9a-fA-F]{64})(?P<rest>(?:\s+\w+=\S+)*)")
_SHOWN_OF_DIGEST = 10
_FORM = "a line is ROLE sha256:DIGEST [name=NAME] [hosts=PATTERN,...] [expires=2027-01-01T00:00:00Z]"


def read_tokens(text: str, name: str) -> list[Grant]:
    """The grants of a file called `name`. Raises ConfigurationError that names the line, and never shows it: somebody
    may have put a token there."""
    lines = text.splitlines()
    if len(lines) > MAX_LINES:
        raise ConfigurationError(f"{name} has more than {MAX_LINES} lines")
    grants: dict[bytes, Grant] = {}
    for number, line in enumerate(lines, 1):
        written = line.split("#", 1)[0].strip()
        if not written:
            continue
        try:
            grant = _read_line(written)
        except ValueError as error:
            raise ConfigurationError(f"{name}, line {number}: {error}") from None
        grants[grant.digest] = grant
    return list(grants.values())


def write_line(grant: Grant) -> str:
    """As `read_tokens` reads it, with its end of line."""
    return " ".join(_parts(grant)) + "\n"


def _read_line(line: str) -> Grant:
    match = _LINE.fullmatch(line)
    if match is None:
        raise ValueError(_FORM)
    if match["role"] not in {role.value for role in Role}:
        raise ValueError(f"a role is {', '.join(Role)}")
    options = dict(option.split("=", 1) for option in match["rest"].split())
    if unknown := options.keys() - {"name", "hosts", "expires"}:
        raise ValueError(f"there is no {min(unknown)}=: {_FORM}")
    digest = bytes.fromhex(match["digest"])
    return Grant(
        id=digest.hex()[:_SHOWN_OF_DIGEST],
        digest=digest,
        role=Role(match["role"]),
        name=options.get("name", "")[:MAX_NAME_LENGTH],
        hosts=read_patterns(options["hosts"]) if "hosts" in options else (),
        expires_at=_read_time(options["expires"]) if "expires" in options else None,
    )


def _read_time(text: str) -> int:
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise ValueError("expires= is not a time like 2027-01-01T00:00:00Z") from None
    return round((moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp() * 1_000_000)


def _parts(grant: Grant) -> Iterator[str]:
    yield grant.role.value
    yield f"sha256:{grant.digest.hex()}"
    if grant.name:
        yield f"name={re.sub(r'[^!-~]|#', '-', grant.name)}"
    if grant.hosts:
        yield f"hosts={','.join(grant.hosts)}"
    if grant.expires_at is not None:
        at = datetime.fromtimestamp(grant.expires_at // 1_000_000, UTC)
        yield f"expires={at.strftime('%Y-%m-%dT%H:%M:%SZ')}"
