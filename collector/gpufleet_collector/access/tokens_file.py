"""The mounted list of tokens, so that a cluster is closed from its start: a line for each, with its digest.

agent sha256:4f5c... id=abcdefgh23 name=rack-1 hosts=gpu-*,node-? expires=2027-01-01T00:00:00Z
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from urllib.parse import quote, unquote

from gpufleet_collector.access.grants import MAX_NAME_LENGTH, Grant, Role, read_patterns
from gpufleet_collector.access.token import TOKEN_ID
from gpufleet_collector.errors import ConfigurationError

MAX_FILE_BYTES = 4 * 1024 * 1024
MAX_LINES = 10_000
_LINE = re.compile(r"(?P<role>\S+)\s+sha256:(?P<digest>[0-9a-fA-F]{64})(?P<rest>(?:\s+\w+=\S+)*)")
_COMMENT = re.compile(r"(?:^|\s)#")
_ENDS_A_NAME = re.compile(r"[\s#%]")
"""And %, with which these are written."""

_OPTIONS = {"id", "name", "hosts", "expires"}
_SHOWN_OF_DIGEST = 10
_FORM = "a line is ROLE sha256:DIGEST [id=ID] [name=NAME] [hosts=PATTERN,...] [expires=2027-01-01T00:00:00Z]"
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)


@dataclass(frozen=True, slots=True)
class Reading:
    """What a file says: its tokens, and of each line that is none its number and what is wrong with it."""

    grants: list[Grant]
    faults: list[tuple[int, str]]

    @property
    def wrong(self) -> str | None:
        """One line on the faults, the first in full; None where there are none."""
        if not self.faults:
            return None
        number, why = self.faults[0]
        others = len(self.faults) - 1
        return f"line {number}: {why}" + (f" (and {others} more that cannot be read)" if others else "")


def name_of(path: Path) -> str:
    """What it is called where something is said of it."""
    return f"GPUFLEET_TOKENS_FILE={str(path)!r}"


def text_of(path: Path) -> str:
    """What is in it; bytes that are not UTF-8 spoil their line alone. Raises ConfigurationError."""
    try:
        with path.open("rb") as file:
            content = file.read(MAX_FILE_BYTES + 1)
    except (OSError, ValueError) as error:
        why = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
        raise ConfigurationError(f"{name_of(path)} cannot be read: {why}") from None
    if len(content) > MAX_FILE_BYTES:
        raise ConfigurationError(f"{name_of(path)} is larger than {MAX_FILE_BYTES} bytes")
    return content.decode(errors="surrogateescape")


def read_lines(text: str, name: str) -> Reading:
    """Of a file called `name`. What is said of a line never shows it: somebody may have put a token there. Raises
    ConfigurationError when there are too many."""
    lines = text.splitlines()
    if len(lines) > MAX_LINES:
        raise ConfigurationError(f"{name} has more than {MAX_LINES} lines")
    grants: dict[bytes, Grant] = {}
    faults: list[tuple[int, str]] = []
    for number, line in enumerate(lines, 1):
        written = _COMMENT.split(line, maxsplit=1)[0].strip()
        if not written:
            continue
        try:
            grant = _read_line(written)
        except ValueError as error:
            faults.append((number, str(error)))
        else:
            grants[grant.digest] = grant
    return Reading(list(grants.values()), faults)


def read_tokens(text: str, name: str) -> list[Grant]:
    """As `read_lines`, where every line has to be one. Raises ConfigurationError that names the first that is not."""
    reading = read_lines(text, name)
    if reading.wrong is not None:
        raise ConfigurationError(f"{name}, {reading.wrong}")
    return reading.grants


def write_line(grant: Grant) -> str:
    """As `read_tokens` reads it, with its end of line. When it was made and revoked is not in it."""
    return " ".join(_parts(grant)) + "\n"


def _read_line(line: str) -> Grant:
    if re.search("[\ud800-\udfff]", line):
        raise ValueError("it is not UTF-8")
    match = _LINE.fullmatch(line)
    if match is None:
        raise ValueError(_FORM)
    if match["role"] not in {role.value for role in Role}:
        raise ValueError(f"a role is {', '.join(Role)}")
    options = dict(option.split("=", 1) for option in match["rest"].split())
    if unknown := options.keys() - _OPTIONS:
        raise ValueError(f"there is no {min(unknown)}=: {_FORM}")
    digest = bytes.fromhex(match["digest"])
    return Grant(
        # What finds the line of one that does not say it, too.
        id=_read_id(options["id"]) if "id" in options else digest.hex()[:_SHOWN_OF_DIGEST],
        digest=digest,
        role=Role(match["role"]),
        name=_read_name(options.get("name", "")),
        hosts=read_patterns(options["hosts"]) if "hosts" in options else (),
        expires_at=_read_time(options["expires"]) if "expires" in options else None,
    )


def _read_id(text: str) -> str:
    if not TOKEN_ID.fullmatch(text):
        raise ValueError("id= is not the public part of a token, as in gpf_ID_...")
    return text


def _read_name(text: str) -> str:
    return "".join(char if char.isprintable() else "-" for char in unquote(text))[:MAX_NAME_LENGTH]


def _read_time(text: str) -> int:
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise ValueError("expires= is not a time like 2027-01-01T00:00:00Z") from None
    return ((moment if moment.tzinfo else moment.replace(tzinfo=UTC)) - _EPOCH) // _MICROSECOND


def _parts(grant: Grant) -> Iterator[str]:
    yield grant.role.value
    yield f"sha256:{grant.digest.hex()}"
    if TOKEN_ID.fullmatch(grant.id):
        yield f"id={grant.id}"
    if grant.name:
        yield f"name={_ENDS_A_NAME.sub(lambda found: quote(found[0]), grant.name)}"
    if grant.hosts:
        yield f"hosts={','.join(grant.hosts)}"
    if grant.expires_at is not None:
        at = _EPOCH + timedelta(microseconds=grant.expires_at)
        yield f"expires={at.isoformat().removesuffix('+00:00')}Z"
