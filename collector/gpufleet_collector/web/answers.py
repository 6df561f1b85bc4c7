"""Answers in JSON, which no browser or proxy keeps."""

from collections.abc import Mapping

import orjson
from starlette.responses import Response

NO_STORE = "no-store"


def answer(content: object, status: int = 200, media_type: str = "application/json") -> Response:
    """`content` as JSON; what is not a number is null."""
    return Response(
        orjson.dumps(content), status_code=status, media_type=media_type, headers={"Cache-Control": NO_STORE}
    )


def listing(name: str, items: list[Mapping[str, object]], next_cursor: str | None) -> Response:
    """One page of a list. `count` is of this page."""
    return answer({name: items, "count": len(items), "next_cursor": next_cursor})
