"""`gpufleet-collector export`: history into a file, straight from the database, whether a collector serves or not."""

import asyncio
import os
import signal
from collections.abc import AsyncIterator, Coroutine, Sequence
from contextlib import AbstractAsyncContextManager, aclosing, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TextIO

from gpufleet_collector.clock import Clock
from gpufleet_collector.config import CollectorConfig
from gpufleet_collector.errors import BadRequest, ConfigurationError
from gpufleet_collector.export.encoding import encode
from gpufleet_collector.export.forms import FORMS, Form, FormName, make_form
from gpufleet_collector.export.progress import Progress
from gpufleet_collector.export.reading import Reader
from gpufleet_collector.export.tables import Query, columns_of, name_of
from gpufleet_collector.export.target import STANDARD_OUTPUT, target
from gpufleet_collector.figures import duration, size
from gpufleet_collector.store.database import Database
from gpufleet_collector.store.embedded.place import Surroundings
from gpufleet_collector.store.embedded.reach import reach
from gpufleet_collector.store.event_history import EventHistory
from gpufleet_collector.store.history_stream import HistoryStream
from gpufleet_collector.store.plan import Kept
from gpufleet_collector.store.process_history import ProcessHistory
from gpufleet_collector.store.schema_state import require_schema
from gpufleet_collector.upkeep import kept_of
from gpufleet_collector.web.export_question import read_question

EXIT_DONE, EXIT_TERMINATED = 0, 128 + signal.SIGTERM


@dataclass(frozen=True, slots=True)
class Streams:
    """Where a command writes; `stdout` is a descriptor, so that nothing is left in a buffer when its reader goes."""

    stdout: int
    stderr: TextIO


@dataclass(frozen=True, slots=True)
class Source:
    """Where history is read, by which clock it is final, and how long it is kept there."""

    reached: AbstractAsyncContextManager[str]
    kept: Kept
    clock: Clock


async def run(
    config: CollectorConfig,
    given: Sequence[tuple[str, str]],
    *,
    output: str,
    clock: Clock,
    streams: Streams,
    around: Surroundings | None = None,
) -> int:
    """Write what was asked with `given`, names of the API's parameters and their texts, to `output`; the exit status.

    Raises ConfigurationError for a wrong flag, ExtraMissing, OutputFailed, SchemaError for a database that is not
    migrated, and as `reach` and those who read.
    """
    is_said = any(name == "format" for name, _ in given)
    formed = [*given, *(() if is_said else [("format", guess_format(output))])]
    try:
        question = read_question(formed, clock.now().wall_us)
        if question.form == "parquet" and output == STANDARD_OUTPUT and os.isatty(streams.stdout):
            raise ConfigurationError("--format parquet is not for a terminal: give --output FILE")
        form = make_form(question.form, columns_of(question.query), question.facts)
        source = Source(reach(config, around), kept_of(config), clock)
        return await _unless_terminated(_export(source, question.query, form, output, streams))
    except BadRequest as error:
        raise ConfigurationError(f"--{error.parameter.replace('_', '-')} {error.detail}") from error


def guess_format(output: str) -> FormName:
    """By the ending of the file's name; CSV for the standard output. Raises ConfigurationError for any other."""
    if output == STANDARD_OUTPUT:
        return "csv"
    ending = Path(output).suffix.lower().removeprefix(".")
    for name in FORMS:
        if ending == name:
            return name
    raise ConfigurationError(f"--output {output} does not say its format: give --format {' or '.join(FORMS)}")


async def _export(source: Source, query: Query, form: Form, output: str, streams: Streams) -> None:
    clock = source.clock
    async with source.reached as dsn, _closing(Database(dsn, connections=1)) as database:
        await require_schema(database)
        history = HistoryStream(database, clock=clock, kept=source.kept)
        reader = Reader(history, EventHistory(database), ProcessHistory(database))
        progress = Progress(name_of(query), query.until, clock=clock, stderr=streams.stderr)
        rows = written = 0
        try:
            async with (
                target(output, streams.stdout) as write,
                aclosing(encode(form, reader.batches(query))) as pieces,
            ):
                async for piece in pieces:
                    await write(piece.data)
                    rows, written = piece.rows, written + len(piece.data)
                    progress.tell(rows, piece.reached)
        finally:
            progress.end()
        where = "" if output == STANDARD_OUTPUT else f" into {output}"
        took = duration(progress.seconds)
        streams.stderr.write(f"{rows:,} {name_of(query)}, {size(written)}{where} in {took}\n")


@asynccontextmanager
async def _closing(database: Database) -> AsyncIterator[Database]:
    try:
        yield database
    finally:
        await database.close()


async def _unless_terminated(work: Coroutine[Any, Any, None]) -> int:
    """The exit status. At SIGTERM `work` is cancelled and cleans up, as at Ctrl-C, which asyncio sees to."""
    working = asyncio.create_task(work)
    loop = asyncio.get_running_loop()
    loop.add_signal_handler(signal.SIGTERM, working.cancel)
    try:
        await asyncio.wait({working})
    finally:
        loop.remove_signal_handler(signal.SIGTERM)
        if not working.done():
            working.cancel()
            await asyncio.wait({working})
    if working.cancelled():
        return EXIT_TERMINATED
    working.result()
    return EXIT_DONE
