"""`gpufleet-collector token create | list | revoke`: who may stream, read or administer. A token is shown once."""

import logging
import os
import re
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TextIO

from gpufleet_collector.access.book import DATABASE, FILE
from gpufleet_collector.access.grants import MAX_NAME_LENGTH, Grant, Role, read_patterns
from gpufleet_collector.access.token import Randomness, Token, digest_of, id_of, make_token
from gpufleet_collector.access.tokens_file import Reading, name_of, read_lines, text_of, write_line
from gpufleet_collector.clock import Clock
from gpufleet_collector.config import CollectorConfig
from gpufleet_collector.errors import ConfigurationError, OutputFailed
from gpufleet_collector.figures import instant
from gpufleet_collector.store.address import parse_address
from gpufleet_collector.store.database import Database
from gpufleet_collector.store.embedded.launch import answers
from gpufleet_collector.store.embedded.server import EmbeddedPostgres
from gpufleet_collector.store.token_table import Tokens
from gpufleet_collector.web import instants

DAY_US = 86_400 * 1_000_000
MAX_DAYS = 36_500
PRIVATE = 0o600
_logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Order:
    """What to make, as written on the command line."""

    role: str
    name: str = ""
    hosts: str | None = None
    expires: str | None = None

    def grant(self, token: Token, now_us: int) -> Grant:
        """Raises ConfigurationError that names the flag."""
        if len(self.name) > MAX_NAME_LENGTH or not self.name.isprintable():
            raise ConfigurationError(f"--name has at most {MAX_NAME_LENGTH} printable characters")
        try:
            hosts = () if self.hosts is None else read_patterns(self.hosts)
        except ValueError as error:
            raise ConfigurationError(f"--hosts={self.hosts!r} cannot be used: {error}") from None
        expires_at = None if self.expires is None else read_expiry(self.expires, now_us)
        return Grant(token.id, token.digest, Role(self.role), self.name, hosts, now_us, expires_at)


def read_expiry(text: str, now_us: int) -> int:
    """`30d`, or a time. Raises ConfigurationError."""
    match = re.fullmatch(r"(\d{1,5})d", text)
    try:
        at = now_us + int(match[1]) * DAY_US if match else instants.read(text)
    except ValueError as error:
        raise ConfigurationError(f"--expires={text!r} {error}; or give days, such as 30d") from None
    if not now_us < at <= now_us + MAX_DAYS * DAY_US:
        raise ConfigurationError(f"--expires={text!r} is not in the future, or more than {MAX_DAYS} days away")
    return at


async def create(
    config: CollectorConfig, order: Order, for_file: Path | None, *, clock: Clock, randomness: Randomness, out: TextIO
) -> int:
    """Print a new token. With `for_file` only its line is added there, and no database is asked."""
    token = make_token(randomness)
    grant = order.grant(token, clock.now().wall_us)
    if for_file is not None:
        _append(for_file, write_line(grant))
    else:
        async with _tokens(config) as tokens:
            await tokens.add(grant)
    out.write(f"{token.text}\n")
    return 0


async def list_all(config: CollectorConfig, *, clock: Clock, out: TextIO) -> int:
    """One line for each: those of the database, oldest first, then those of GPUFLEET_TOKENS_FILE. Raises
    ConfigurationError when that, or at last a line of it, cannot be read."""
    now = clock.now().wall_us
    file = _read_file(config.tokens_file)
    async with _tokens(config) as tokens:
        grants = await tokens.all()
    rows = [_row(grant, DATABASE, now) for grant in grants] + [_row(grant, FILE, now) for grant in file.grants]
    out.writelines(f"{line}\n" for line in _table(rows))
    _refuse_faults(config.tokens_file, file)
    return 0


async def revoke(config: CollectorConfig, token: str, *, clock: Clock, out: TextIO) -> int:
    """By its id, or by the token itself. Raises ConfigurationError when there is none that can be revoked here."""
    token_id = id_of(token) or token
    async with _tokens(config) as tokens:
        is_revoked = await tokens.revoke(token_id, clock.now().wall_us)
    if not is_revoked:
        _refuse_of_file(config.tokens_file, token, token_id)
        raise ConfigurationError(
            "there is no such token: `gpufleet-collector token list` says which there are, with GPUFLEET_TOKENS_FILE "
            "those of the file, too"
        )
    out.write(f"revoked {token_id}; what is open with it ends within 5 s\n")
    return 0


def _refuse_of_file(path: Path | None, token: str, token_id: str) -> None:
    file = _read_file(path)
    if any(token_id == grant.id or digest_of(token) == grant.digest for grant in file.grants):
        raise ConfigurationError(f"{token_id} cannot be revoked here: it is in the file {path}: remove its line")
    _refuse_faults(path, file)


def _read_file(path: Path | None) -> Reading:
    return Reading([], []) if path is None else read_lines(text_of(path), name_of(path))


def _refuse_faults(path: Path | None, file: Reading) -> None:
    """Whoever asks which tokens there are is told of lines that may have been meant as such."""
    if path is not None and file.wrong is not None:
        raise ConfigurationError(f"{name_of(path)}, {file.wrong}")


@asynccontextmanager
async def _tokens(config: CollectorConfig) -> AsyncIterator[Tokens]:
    """The table, migrated; our own PostgreSQL is started for it where it does not run, also for the first time: tokens
    can be there before the collector is."""
    async with _address(config) as dsn:
        database = Database(dsn)
        try:
            await database.migrate()
            yield Tokens(database)
        finally:
            await database.close()


@asynccontextmanager
async def _address(config: CollectorConfig) -> AsyncIterator[str]:
    if config.database_url is not None:
        yield parse_address(config.database_url)
        return
    postgres = EmbeddedPostgres(config.collector_dir, pg_bin=config.pg_bin)
    if await answers(postgres.sockets):
        yield postgres.dsn
        return
    try:
        yield await postgres.start()
    finally:
        await postgres.stop()


def _append(path: Path, line: str) -> None:
    try:
        with os.fdopen(os.open(path, os.O_RDWR | os.O_APPEND | os.O_CREAT, PRIVATE), "rb+") as file:
            written = file.read()
            file.write(b"" if not written or written.endswith(b"\n") else b"\n")
            file.write(line.encode())
    except OSError as error:
        raise OutputFailed(f"--for-file={str(path)!r} cannot be written: {error.strerror or error}") from None


def _table(tokens: Sequence[tuple[str, ...]]) -> list[str]:
    if not tokens:
        return ["no tokens"]
    rows = [("ID", "ROLE", "STATE", "EXPIRES", "HOSTS", "SOURCE", "NAME"), *tokens]
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    return ["  ".join(text.ljust(width) for text, width in zip(row, widths, strict=True)).rstrip() for row in rows]


def _row(grant: Grant, source: str, now: int) -> tuple[str, ...]:
    state = "revoked" if grant.revoked_at is not None else "valid" if grant.is_valid(now) else "expired"
    expires = "never" if grant.expires_at is None else instant(grant.expires_at)
    return grant.id, grant.role.value, state, expires, ",".join(grant.hosts) or "any", source, grant.name
