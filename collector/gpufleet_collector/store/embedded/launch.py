"""One postgres: found from an earlier run or launched, asked whether it answers, and ended."""

import asyncio
import logging
import os
import signal
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import asyncpg

from gpufleet_collector.economy import let_use_every_core
from gpufleet_collector.errors import DatabaseUnavailable
from gpufleet_collector.store.address import OWN_DATABASE, OWN_PORT, socket_address
from gpufleet_collector.store.embedded.binaries import Binaries
from gpufleet_collector.store.embedded.cluster import ENVIRONMENT, as_account
from gpufleet_collector.store.embedded.memory import shared_buffers, usable_memory
from gpufleet_collector.store.embedded.place import Place
from gpufleet_collector.store.embedded.process import Process, says_ready, server_of
from gpufleet_collector.store.embedded.room import shortage
from gpufleet_collector.store.embedded.serverlog import ServerLog, complaint

log = logging.getLogger(__name__)

SETTINGS = {
    "listen_addresses": "",
    "unix_socket_permissions": "0700",
    "max_connections": "60",
    "max_wal_size": "2GB",
    "wal_compression": "pglz",
    "jit": "off",
    "timezone": "UTC",
    "log_timezone": "UTC",
    "lc_messages": "C",
    "logging_collector": "off",
    "log_destination": "stderr",
}
READY_SECONDS = 600.0
"""A server that runs but takes no connections is given this long; after a crash it has up to 2 GB of log to replay."""

ADOPTED_SECONDS = 20.0
"""One of an earlier run that says it is ready is given this long; then it is at an address of its own, and replaced."""

SPEAK_EVERY_SECONDS = 10.0
CONNECT_SECONDS = 10.0
POLL_SECONDS = 0.05
TRANSIENT_SECONDS = 60.0
"""How long a start is tried again while remains of a killed server stand in its way."""

TRANSIENT_COMPLAINTS = ("lock file", "shared memory block", "is another postmaster")
LASTING_COMPLAINTS = ("could not write lock file", "could not create lock file")
"""For want of room or of rights, which do not come back by waiting a little."""

STOP_STEPS: Sequence[tuple[int, float]] = ((signal.SIGINT, 20.0), (signal.SIGQUIT, 5.0), (signal.SIGKILL, 5.0))
"""Fast shutdown, then without a checkpoint, then by force; each with the seconds it is given. PostgreSQL 18 told to end
while it recovers from the death of a backend was seen to wait for ever with its I/O workers. Without the checkpoint
nothing is lost: its log is replayed at the next start."""


class _Ended(Exception):
    """The server ended before it took a connection; `str()` is what it said last."""


@dataclass(frozen=True, slots=True)
class Server:
    """A postgres that takes connections. `child` is None for one from an earlier run."""

    process: Process
    child: subprocess.Popen[bytes] | None

    @property
    def is_running(self) -> bool:
        return self.process.is_running if self.child is None else self.child.poll() is None

    def signal(self, number: int) -> None:
        """Send a signal; to a server that has ended, none."""
        if self.child is None:
            self.process.signal(number)
        else:
            self.child.send_signal(number)

    async def stop(self) -> None:
        """End it fast, and by force when it takes too long."""
        for number, patience in STOP_STEPS:
            self.signal(number)
            if await self._ends_within(patience):
                return
            log.warning(
                "PostgreSQL (process %d) has not ended %.0f s after signal %d", self.process.pid, patience, number
            )

    async def _ends_within(self, seconds: float) -> bool:
        loop = asyncio.get_running_loop()
        deadline = loop.time() + seconds
        while self.is_running:
            if loop.time() >= deadline:
                return False
            await asyncio.sleep(POLL_SECONDS)
        return True


class Launcher:
    """Brings up the PostgreSQL of one place."""

    def __init__(self, place: Place, binaries: Binaries, server_log: ServerLog) -> None:
        self._place = place
        self._binaries = binaries
        self._log = server_log

    async def bring_up(self) -> Server:
        """Find the server or launch one, and wait until it takes connections.

        Raises DatabaseUnavailable with what PostgreSQL said when it does not come up.
        """
        loop = asyncio.get_running_loop()
        deadline = loop.time() + TRANSIENT_SECONDS
        while True:
            server = self._adopt()
            offset = self._log.size()
            if server is None:
                server = self._launch()
            try:
                return await self._until_ready(server, offset)
            except _Ended as ended:
                adopted = server.child is None
                transient = adopted or is_transient(str(ended))
                if not transient or loop.time() >= deadline:
                    raise DatabaseUnavailable(f"PostgreSQL did not start: {self._reason(ended)}") from None
            await asyncio.sleep(10 * POLL_SECONDS)

    def _reason(self, ended: _Ended) -> str:
        """Without room a server cannot write into its log either why it ended."""
        said = f"{ended} (see {self._log.path})"
        full = shortage([self._place.data, self._log.path.parent])
        return said if full is None else f"{full}; {said}"

    def _adopt(self) -> Server | None:
        process = server_of(self._place.data)
        if process is None:
            return None
        log.info("PostgreSQL of an earlier run is still there (process %d): using it", process.pid)
        return Server(process, None)

    def _launch(self) -> Server:
        output = self._open_log()
        try:
            # A session of its own: Ctrl-C is for the collector, which has to flush before its database goes.
            child = subprocess.Popen(
                self._command(),
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                cwd="/",
                env=ENVIRONMENT,
                start_new_session=True,
                **as_account(self._place.account),
            )
        except OSError as error:
            raise DatabaseUnavailable(f"{self._binaries.postgres} cannot be run: {error.strerror}") from None
        finally:
            os.close(output)
        let_use_every_core(child.pid)
        process = Process.find(child.pid)
        return Server(process or Process(child.pid, -1), child)

    def _open_log(self) -> int:
        try:
            self._log.bound()
            return self._log.open()
        except OSError as error:
            raise DatabaseUnavailable(f"{self._log.path} cannot be written: {error.strerror}") from None

    def _command(self) -> list[str]:
        settings = SETTINGS | {
            "port": str(OWN_PORT),
            "unix_socket_directories": _quoted(self._place.sockets),
            "shared_buffers": shared_buffers(usable_memory()),
        }
        command = [str(self._binaries.postgres), "-D", str(self._place.data)]
        for name, value in settings.items():
            command += ["-c", f"{name}={value}"]
        return command

    async def _until_ready(self, server: Server, offset: int) -> Server:
        """Wait until `server` takes connections. A server that does not, or is given up while waiting, is stopped."""
        adopted_ready = server.child is None and says_ready(self._place.data)
        patience = ADOPTED_SECONDS if adopted_ready else READY_SECONDS
        try:
            async with asyncio.timeout(patience):
                await self._answers_or_ends(server, offset)
        except TimeoutError:
            await server.stop()
            raise _Ended(f"it took no connection for {patience:.0f} s") from None
        except asyncio.CancelledError:
            await server.stop()
            raise
        return server

    async def _answers_or_ends(self, server: Server, offset: int) -> None:
        loop = asyncio.get_running_loop()
        speak_at = loop.time() + SPEAK_EVERY_SECONDS
        while not await answers(self._place.sockets):
            if not server.is_running:
                raise _Ended(complaint(self._log.since(offset)))
            if loop.time() >= speak_at:
                speak_at += SPEAK_EVERY_SECONDS
                log.info("waiting for PostgreSQL: %s", complaint(self._log.since(offset)))
            await asyncio.sleep(POLL_SECONDS)


def is_transient(complaint: str) -> bool:
    """Whether a server that ended with these words may come up a moment later."""
    if any(words in complaint for words in LASTING_COMPLAINTS):
        return False
    return any(words in complaint for words in TRANSIENT_COMPLAINTS)


async def answers(sockets: Path) -> bool:
    """Whether the PostgreSQL with its socket in `sockets` takes connections now."""
    try:
        connection = await _connect(sockets)
    except (OSError, asyncpg.PostgresError, asyncpg.InterfaceError):
        return False
    await connection.close(timeout=CONNECT_SECONDS)
    return True


async def ensure_database(sockets: Path) -> None:
    """Create the collector's database unless it is there. Raises DatabaseUnavailable."""
    try:
        connection = await _connect(sockets)
        try:
            if not await connection.fetchval("SELECT 1 FROM pg_database WHERE datname = $1", OWN_DATABASE):
                await connection.execute(f'CREATE DATABASE "{OWN_DATABASE}"')
        finally:
            await connection.close(timeout=CONNECT_SECONDS)
    except (OSError, asyncpg.PostgresError, asyncpg.InterfaceError) as error:
        raise DatabaseUnavailable(f"the database {OWN_DATABASE} could not be created: {error}") from None


async def _connect(sockets: Path) -> asyncpg.Connection:
    return await asyncpg.connect(socket_address(sockets, "postgres"), timeout=CONNECT_SECONDS)


def _quoted(folder: Path) -> str:
    """A folder in PostgreSQL's list of folders."""
    return '"' + str(folder).replace('"', '""') + '"'
