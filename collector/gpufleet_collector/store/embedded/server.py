"""The collector's own PostgreSQL as one thing to start and stop, which stays up in between."""

import asyncio
import logging
from pathlib import Path

from gpufleet_collector.errors import DatabaseUnavailable, DataDirectoryError
from gpufleet_collector.store.address import socket_address
from gpufleet_collector.store.embedded.binaries import Binaries, find_binaries
from gpufleet_collector.store.embedded.cluster import DirectoryLock, check_owner, create_cluster, has_cluster
from gpufleet_collector.store.embedded.launch import Launcher, Server, ensure_database
from gpufleet_collector.store.embedded.place import (
    Place,
    Surroundings,
    choose_place,
    make_directory,
    make_private,
    make_socket_folder,
)
from gpufleet_collector.store.embedded.programs import reachable_programs
from gpufleet_collector.store.embedded.serverlog import ServerLog

log = logging.getLogger(__name__)

WATCH_SECONDS = 0.25
FIRST_BACKOFF_SECONDS = 0.25
MAX_BACKOFF_SECONDS = 30.0
CALM_SECONDS = 60.0
"""A server that ran this long is started again at once when it dies; one that did not waits longer every time."""


class EmbeddedPostgres:
    """PostgreSQL under `directory`, reached by a Unix socket only. Start and stop may be called repeatedly.

    `pg_bin` is the folder of other binaries than the wheel's.
    """

    def __init__(self, directory: Path, *, pg_bin: Path | None = None, around: Surroundings | None = None) -> None:
        self._directory = directory.resolve()
        self._pg_bin = pg_bin
        self._around = around or Surroundings.of_this_process()
        self._locks: list[DirectoryLock] = []
        self._log = ServerLog(self._directory / "postgres.log")
        self._chosen: Place | None = None
        self._server: Server | None = None
        self._watch: asyncio.Task[None] | None = None

    @property
    def dsn(self) -> str:
        """The address, whether the server runs or not; asyncpg and psql take it. Raises DataDirectoryError."""
        return socket_address(self._place().sockets)

    @property
    def sockets(self) -> Path:
        """The folder of the server's socket. Raises DataDirectoryError."""
        return self._place().sockets

    @property
    def server_pid(self) -> int | None:
        """The process of the server that was last brought up."""
        return None if self._server is None else self._server.process.pid

    async def start(self) -> str:
        """Make what is missing, bring the server up and keep it up; the address.

        Raises DataDirectoryError when the directory is in use or cannot be used, ConfigurationError without usable
        binaries, DatabaseUnavailable when PostgreSQL does not come up.
        """
        if self._watch is None:
            try:
                await self._start()
            except BaseException:
                await self.stop()
                raise
        return self.dsn

    async def stop(self) -> None:
        """End the server, also one that an earlier run left, and give the directory back."""
        watch, self._watch = self._watch, None
        if watch is not None:
            watch.cancel()
            await asyncio.gather(watch, return_exceptions=True)
        server, self._server = self._server, None
        if server is not None:
            await server.stop()
        while self._locks:
            self._locks.pop().release()

    def _place(self) -> Place:
        return self._chosen or choose_place(self._directory, self._around)

    async def _start(self) -> None:
        binaries = await asyncio.to_thread(find_binaries, self._pg_bin)
        place = self._chosen = self._place()
        try:
            launcher = Launcher(place, await self._prepare(place, binaries), self._log)
        except OSError as error:
            raise DataDirectoryError(f"{place.data} cannot be used: {error}") from None
        self._server = await launcher.bring_up()
        await ensure_database(place.sockets)
        self._watch = asyncio.create_task(self._keep_up(launcher))

    async def _prepare(self, place: Place, binaries: Binaries) -> Binaries:
        """Everything on disk that a server needs; the programs to run."""
        make_directory(self._directory, place.account)
        self._lock(self._directory)
        if place.private is not None:
            make_private(place.private, self._around.user_id)
            self._lock(place.private)
        exists = has_cluster(place.data, binaries)
        if exists:
            check_owner(place.data, place.user_id(self._around))
        if place.notice:
            log.info("%s", place.notice)
        programs = await asyncio.to_thread(reachable_programs, binaries, self._directory, place, self._around)
        if not exists:
            log.info("creating the database cluster in %s", place.data)
            await asyncio.to_thread(create_cluster, place.data, programs, place.account)
        make_socket_folder(place, self._around)
        return programs

    def _lock(self, folder: Path) -> None:
        lock = DirectoryLock(folder)
        lock.acquire()
        self._locks.append(lock)

    async def _keep_up(self, launcher: Launcher) -> None:
        backoff = FIRST_BACKOFF_SECONDS
        while True:
            ran_seconds = await self._until_it_ends()
            backoff = FIRST_BACKOFF_SECONDS if ran_seconds >= CALM_SECONDS else backoff
            log.error("PostgreSQL has ended by itself: starting it again")
            backoff = await self._bring_back(launcher, backoff)

    async def _until_it_ends(self) -> float:
        loop = asyncio.get_running_loop()
        since = loop.time()
        while self._server is not None and self._server.is_running:
            self._log.bound()
            await asyncio.sleep(WATCH_SECONDS)
        return loop.time() - since

    async def _bring_back(self, launcher: Launcher, backoff: float) -> float:
        """Try until the server is up; the wait that a next death begins with."""
        while True:
            await asyncio.sleep(backoff)
            backoff = min(2 * backoff, MAX_BACKOFF_SECONDS)
            try:
                self._server = await launcher.bring_up()
            except (DatabaseUnavailable, OSError) as error:
                log.error("%s; trying again in %.1f s", error, backoff)  # noqa: TRY400
            else:
                log.info("PostgreSQL is up again (process %d)", self._server.process.pid)
                return backoff
