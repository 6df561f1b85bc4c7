"""The collector as one process: every part is made here, started in order, and stopped in the opposite order."""

import asyncio
import logging
import random
import secrets
import signal
from collections.abc import Awaitable, Callable, Coroutine
from contextlib import AsyncExitStack
from importlib.metadata import version

from gpufleet_collector.access.book import DATABASE, FILE, Book
from gpufleet_collector.access.keeper import Keeper
from gpufleet_collector.bus.alone import Alone
from gpufleet_collector.bus.bus import Bus
from gpufleet_collector.clock import Clock, SystemClock
from gpufleet_collector.config import CollectorConfig, Listen, refuse_without_tokens
from gpufleet_collector.economy import keep_to_one_core, look_for_garbage_less_often
from gpufleet_collector.errors import CollectorError, DatabaseUnavailable
from gpufleet_collector.ingest.limits import IngestLimits
from gpufleet_collector.ingest.server import IngestServer
from gpufleet_collector.ingest.stream import Parts
from gpufleet_collector.live.live import Live
from gpufleet_collector.memory import Memory
from gpufleet_collector.selfmetrics import SelfMetrics
from gpufleet_collector.store.address import parse_address
from gpufleet_collector.store.database import Database
from gpufleet_collector.store.embedded.server import EmbeddedPostgres
from gpufleet_collector.store.event_history import EventHistory
from gpufleet_collector.store.history import History
from gpufleet_collector.store.history_stream import HistoryStream
from gpufleet_collector.store.identity import database_identity
from gpufleet_collector.store.plan import Limits
from gpufleet_collector.store.process_history import ProcessHistory
from gpufleet_collector.store.series import SeriesHistory
from gpufleet_collector.store.token_table import Tokens
from gpufleet_collector.store.writer import Writer
from gpufleet_collector.tls import Certificates
from gpufleet_collector.tls_expiry import ExpiryNotices
from gpufleet_collector.upkeep import Upkeep, kept_of
from gpufleet_collector.web.app import create_app
from gpufleet_collector.web.server import WebServer
from gpufleet_collector.web.serving.crowd import Crowd
from gpufleet_collector.web.settings import WebSettings
from gpufleet_collector.web.store import StoreCondition

REFRESH_SECONDS, HELD_UP_SECONDS, MOST_PUT_OFF = 0.4, 1.0, 5
DATABASE_RETRY_SECONDS = 1.0
CERTIFICATES_SECONDS = 2.0
INSECURE = (
    "GPUFLEET_ALLOW_INSECURE is set: whoever reaches this machine over the network may read and write here, or listen "
    "in on the tokens of others; set GPUFLEET_TLS_CERT_FILE and GPUFLEET_TLS_KEY_FILE, and make tokens"
)
DAY_SECONDS = 86_400.0

_logger = logging.getLogger("gpufleet_collector")


async def serve(config: CollectorConfig) -> int:
    """Run until SIGTERM or SIGINT; the exit status. Raises CollectorError when it cannot start."""
    stop = _stop_on_signals()
    async with AsyncExitStack() as parts:
        running = asyncio.create_task(_start(config, parts, stop))
        stopping = asyncio.create_task(stop.wait())
        try:
            await asyncio.wait({running, stopping}, return_when=asyncio.FIRST_COMPLETED)
            if running.done():
                jobs = running.result()
                await _work_until(stopping, jobs)
            _logger.info("stopping")
        finally:
            running.cancel()
            stopping.cancel()
            await asyncio.gather(running, stopping, return_exceptions=True)
    return 0


async def _start(config: CollectorConfig, parts: AsyncExitStack, stop: asyncio.Event) -> list["asyncio.Task[None]"]:
    clock, metrics = SystemClock(), SelfMetrics()
    live = Live(
        clock,
        metrics,
        down_after_seconds=config.down_after_seconds,
        forget_after_seconds=config.retention_days * DAY_SECONDS,
    )
    look_for_garbage_less_often()
    keep_to_one_core(random.Random())
    dsn = await _open_database(config, parts)
    database = Database(dsn, statement_seconds=config.query_timeout_seconds)
    parts.push_async_callback(database.close)
    upkeep = Upkeep(dsn, config, live, clock, metrics)
    parts.push_async_callback(upkeep.stop)
    bus = _make_bus(config, live, database, clock, metrics)
    parts.push_async_callback(bus.stop)
    started = asyncio.Event()
    writer = Writer(database, clock=clock, metrics=metrics)
    book, certificates = Book((DATABASE,) if config.tokens_file is None else (DATABASE, FILE)), _certificates(config)
    tokens = Tokens(database)
    keeper = Keeper(book, tokens, config.tokens_file, clock)
    keeper.read_file()
    kept = kept_of(config)
    app = create_app(
        live=live,
        history=History(database, clock=clock, kept=kept),
        stream=HistoryStream(database, clock=clock, kept=kept),
        series=SeriesHistory(
            database, clock=clock, kept=kept, rollup_labels=config.rollup_labels, limits=Limits(config.max_gpu_hours)
        ),
        events=EventHistory(database),
        processes=ProcessHistory(database),
        database_ready=_readiness(database, writer, started),
        bus_state=lambda: bus.state,
        store=StoreCondition(upkeep.condition, config.pack_after_hours),
        metrics=metrics,
        settings=_web_settings(config),
        clock=clock,
        book=book,
        tokens=tokens,
    )
    web = WebServer(app, config.http_listen, _logger, Crowd(metrics, config.max_connections), certificates)
    await web.start()
    parts.push_async_callback(web.stop)
    scheme = "http" if certificates is None else "https"
    _logger.info("dashboard: %s://%s", scheme, Listen(config.http_listen.host, web.port))
    if config.allow_insecure and config.is_reached_from_elsewhere:
        _logger.warning(INSECURE)
    watching = [asyncio.create_task(work) for work in _watches(keeper, certificates, clock, metrics)]
    parts.callback(_cancel, watching)

    async def share() -> None:
        await bus.start(await database_identity(database))

    await _with_database(database.migrate, stop)
    await _with_database(keeper.read_database, stop)
    refuse_without_tokens(config, is_open=book.is_open)
    await _with_database(Memory(database, live, clock, config.retention_days).recall, stop)
    await _with_database(share, stop)
    ingest = IngestServer(
        config.grpc_listen,
        Parts(live, writer, metrics, clock, _ingest_limits(config), book),
        collector_version=version("gpufleet-collector"),
        poll_interval_seconds=config.poll_interval_seconds,
        log=_logger,
        certificates=certificates,
    )
    # At stop: hear nothing more, commit what was heard, acknowledge it, and only then end the streams.
    parts.push_async_callback(ingest.stop)
    parts.push_async_callback(writer.stop)
    parts.push_async_callback(ingest.drain)
    await writer.start()
    await ingest.start()
    await upkeep.start()
    started.set()
    scheme = "grpc" if certificates is None else "grpcs"
    _logger.info("agents: %s://%s", scheme, Listen(config.grpc_listen.host, ingest.port))
    jobs: list[Coroutine[None, None, None]] = [_refresh(live), writer.ended(), bus.ended()]
    return [*watching, *(asyncio.create_task(job) for job in jobs)]


def _watches(
    keeper: Keeper, certificates: Certificates | None, clock: Clock, metrics: SelfMetrics
) -> list[Coroutine[None, None, None]]:
    """What is followed from the moment on at which anybody may ask anything."""
    return [keeper.run()] if certificates is None else [keeper.run(), _follow(certificates, clock, metrics)]


def _cancel(tasks: list["asyncio.Task[None]"]) -> None:
    for task in tasks:
        task.cancel()


def _certificates(config: CollectorConfig) -> Certificates | None:
    return None if config.tls_files is None else Certificates(config.tls_files)


async def _follow(certificates: Certificates, clock: Clock, metrics: SelfMetrics) -> None:
    notices = ExpiryNotices(_logger)
    while True:
        certificates.look()
        expires = certificates.identity.expires
        metrics.certificate_expires.set(expires)
        notices.look(expires, clock.now().wall_us / 1_000_000)
        await asyncio.sleep(CERTIFICATES_SECONDS)


def _ingest_limits(config: CollectorConfig) -> IngestLimits:
    return IngestLimits(
        retention_seconds=config.retention_days * DAY_SECONDS,
        message_bytes=config.max_message_bytes,
        string_length=config.max_string_length,
        labels=config.max_labels,
        streams=config.max_streams,
        hosts_per_token=config.max_hosts_per_token,
    )


def _web_settings(config: CollectorConfig) -> WebSettings:
    return WebSettings(
        events_max_gpus=config.ws_events_max_gpus,
        metrics_max_gpus=config.metrics_max_gpus,
        max_websocket_clients=config.max_sockets,
        requests_per_second=config.max_requests_per_second,
        is_insecure=config.allow_insecure and config.is_reached_from_elsewhere,
        is_local=config.http_listen.is_loopback,
        agents=f"{'grpcs' if config.has_tls else 'grpc'}:{config.grpc_listen.port}",
    )


def _make_bus(
    config: CollectorConfig, live: Live, database: Database, clock: Clock, metrics: SelfMetrics
) -> Bus | Alone:
    if not config.bus_servers:
        return Alone()
    from gpufleet_collector.bus.nats_wire import NatsWire  # several MiB that most collectors do without

    name = secrets.token_hex(8)
    wire = NatsWire(config.bus_servers, name)
    return Bus(name, wire, live.relay(), EventHistory(database), clock=clock, metrics=metrics)


async def _open_database(config: CollectorConfig, parts: AsyncExitStack) -> str:
    """The address of the database that is configured, or of our own, which is up then."""
    if config.database_url is not None:
        return parse_address(config.database_url)
    postgres = EmbeddedPostgres(config.collector_dir, pg_bin=config.pg_bin)
    parts.push_async_callback(postgres.stop)
    return await postgres.start()


async def _with_database(action: Callable[[], Awaitable[None]], stop: asyncio.Event) -> None:
    """Do it as soon as the database answers; said once."""
    said = False
    while not stop.is_set():
        try:
            return await action()
        except DatabaseUnavailable as error:
            if not said:
                _logger.warning("%s; trying on", error)
                said = True
        await asyncio.sleep(DATABASE_RETRY_SECONDS)
    return None


def _readiness(database: Database, writer: Writer, started: asyncio.Event) -> Callable[[], Awaitable[bool]]:
    """Ready is who has migrated, hears agents, can store what they send, and reaches the database now. Where a reason
    is known it is raised, as DatabaseUnavailable."""

    async def ready() -> bool:
        if not started.is_set():
            return False
        if (trouble := writer.trouble) is not None:
            raise DatabaseUnavailable(trouble)
        try:
            await database.ping()
        except CollectorError as error:
            raise DatabaseUnavailable(str(error)) from error
        return True

    return ready


async def _refresh(live: Live) -> None:
    """Nobody is called silent by a collector that was held up itself: what came meanwhile is heard first."""
    loop = asyncio.get_running_loop()
    put_off = 0
    while True:
        due = loop.time() + REFRESH_SECONDS
        await asyncio.sleep(REFRESH_SECONDS)
        if loop.time() >= due + HELD_UP_SECONDS and put_off < MOST_PUT_OFF:
            put_off += 1
            continue
        put_off = 0
        live.refresh()


async def _work_until(stopping: "asyncio.Task[bool]", jobs: list["asyncio.Task[None]"]) -> None:
    """Until told to stop; a job that fails ends the collector rather than being missed unnoticed."""
    try:
        done, _ = await asyncio.wait({stopping, *jobs}, return_when=asyncio.FIRST_COMPLETED)
        for job in done - {stopping}:
            job.result()
    finally:
        for job in jobs:
            job.cancel()
        await asyncio.gather(*jobs, return_exceptions=True)


def _stop_on_signals() -> asyncio.Event:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    return stop
