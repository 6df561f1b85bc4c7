"""A command that wants the database for a moment gets it, whether a collector is serving with it right now or not."""

import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from gpufleet_collector.config import CollectorConfig
from gpufleet_collector.errors import DataDirectoryError
from gpufleet_collector.store.address import parse_address
from gpufleet_collector.store.embedded.launch import answers
from gpufleet_collector.store.embedded.place import Place, Surroundings, choose_place
from gpufleet_collector.store.embedded.server import EmbeddedPostgres

_logger = logging.getLogger(__name__)


@asynccontextmanager
async def reach(config: CollectorConfig, around: Surroundings | None = None) -> AsyncIterator[str]:
    """The address of the database that is configured, or of our own: the server that runs is left as it is, one that
    does not is up until the end. Nothing is made that is not there.

    Raises ConfigurationError; DataDirectoryError when nothing was ever stored in the data directory, or it is in use
    and its server does not answer; DatabaseUnavailable when PostgreSQL does not come up.
    """
    if config.database_url is not None:
        yield parse_address(config.database_url)
        return
    around = around or Surroundings.of_this_process()
    postgres = EmbeddedPostgres(config.collector_dir, pg_bin=config.pg_bin, around=around)
    if await answers(postgres.sockets):
        yield postgres.dsn
        return
    _refuse_nothing(choose_place(config.collector_dir, around))
    _logger.info("the collector's own PostgreSQL is not running: it is started for this command, and stopped after it")
    try:
        yield await postgres.start()
    finally:
        await postgres.stop()


def _refuse_nothing(place: Place) -> None:
    try:
        is_there = (place.data / "PG_VERSION").exists()
    except OSError as error:
        raise DataDirectoryError(
            f"{place.data} cannot be read ({error.strerror}): run this as the user who runs the collector"
        ) from None
    if not is_there:
        raise DataDirectoryError(
            f"nothing was ever stored in {place.data}: start the collector (serve), or give the DATABASE_URL or "
            "GPUFLEET_DATA_DIR that it has"
        )
