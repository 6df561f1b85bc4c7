"""Long answers in JSON, written piece by piece: never whole in memory, and others are served between the pieces."""

import asyncio
from collections.abc import AsyncIterator, Iterable, Mapping
from itertools import islice

import orjson
from starlette.responses import Response, StreamingResponse

from gpufleet_collector.web.answers import NO_STORE, answer

ITEMS_PER_CHUNK = 500
"""An answer of no more items is sent in one piece; for longer items it is fewer."""


async def listing_in_chunks(
    name: str,
    items: Iterable[Mapping[str, object]],
    rest: Mapping[str, object],
    count: int,
    at_once: int = ITEMS_PER_CHUNK,
) -> Response:
    """One page of a list: `{name: items, "count": count, **rest}`. `items` are made as they are sent, some at once."""
    if count <= at_once:
        return answer({name: list(items), "count": count, **rest})
    return StreamingResponse(
        _chunks(name, iter(items), {"count": count, **rest}, at_once),
        media_type="application/json",
        headers={"Cache-Control": NO_STORE},
    )


async def _chunks(
    name: str, items: Iterable[Mapping[str, object]], rest: Mapping[str, object], at_once: int
) -> AsyncIterator[bytes]:
    yield b"{" + orjson.dumps(name) + b":["
    separator = b""
    while chunk := list(islice(items, at_once)):
        yield separator + orjson.dumps(chunk)[1:-1]
        separator = b","
        await asyncio.sleep(0)
    yield b"]," + orjson.dumps(rest)[1:]
