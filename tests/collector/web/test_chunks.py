"""A long answer is the same JSON as a short one, made piece by piece as it is sent."""

from collections.abc import Iterator, Mapping

import orjson
from hypothesis import given
from hypothesis import strategies as st
from starlette.responses import StreamingResponse

from gpufleet_collector.web import chunks
from gpufleet_collector.web.chunks import listing_in_chunks

items = st.lists(st.dictionaries(st.text(max_size=3), st.one_of(st.none(), st.integers(0, 9), st.text(max_size=3))))


@given(found=items, size=st.integers(1, 4))
async def test_the_pieces_are_the_answer(found: list[dict[str, object]], size: int) -> None:
    response = await listing_in_chunks("gpus", found, {"next_cursor": None}, len(found), size)
    if isinstance(response, StreamingResponse):
        body = b"".join([bytes(piece) async for piece in response.body_iterator])  # type: ignore[arg-type]
    else:
        body = bytes(response.body)
    assert orjson.loads(body) == {"gpus": found, "count": len(found), "next_cursor": None}
    assert isinstance(response, StreamingResponse) is (len(found) > size)
    assert response.headers["cache-control"] == "no-store"


async def test_items_are_made_as_they_are_sent() -> None:
    made = 0

    def count() -> Iterator[Mapping[str, object]]:
        nonlocal made
        for number in range(chunks.ITEMS_PER_CHUNK * 3):
            made += 1
            yield {"number": number}

    response = await listing_in_chunks("numbers", count(), {}, chunks.ITEMS_PER_CHUNK * 3)
    assert isinstance(response, StreamingResponse)
    pieces = response.body_iterator.__aiter__()
    await anext(pieces)
    await anext(pieces)
    assert made == chunks.ITEMS_PER_CHUNK
