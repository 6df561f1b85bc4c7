"""From batches of rows to pieces of a file, as fast as somebody takes them; the work is done beside the loop."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import aclosing
from dataclasses import dataclass

from gpufleet_collector.export.columns import Batch
from gpufleet_collector.export.forms import Form


@dataclass(frozen=True, slots=True)
class Piece:
    """What is to be written next, and how far that is: rows read so far, and the instant of the last of them, None
    without any."""

    data: bytes
    rows: int
    reached: int | None


async def encode(form: Form, batches: AsyncGenerator[Batch, None]) -> AsyncGenerator[Piece, None]:
    """A piece for each batch and one for the end; some are empty. The first comes after the first batch, so that what
    is wrong from the start is known before anything is written."""
    data, rows, reached = form.begin(), 0, None
    async with aclosing(batches):
        async for batch in batches:
            data += await asyncio.to_thread(form.rows, batch.rows)
            rows, reached = rows + len(batch.rows), batch.reached
            yield Piece(data, rows, reached)
            data = b""
    yield Piece(data + await asyncio.to_thread(form.end), rows, reached)
