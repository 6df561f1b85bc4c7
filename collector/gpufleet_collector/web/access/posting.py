"""What little is sent to the API rather than asked of it: one small JSON object."""

from collections.abc import Collection, Mapping
from http import HTTPStatus
from typing import Any

import orjson
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.types import Receive, Scope, Send

from gpufleet_collector.errors import BadRequest
from gpufleet_collector.web.endpoints import Handler

MAX_BODY_BYTES = 16 * 1024


async def read_object(request: Request, known: Collection[str]) -> Mapping[str, Any]:
    """With some of the `known` names. Raises BadRequest, and HTTPException (413) for more than MAX_BODY_BYTES."""
    body = b""
    async for piece in request.stream():
        body += piece
        if len(body) > MAX_BODY_BYTES:
            raise HTTPException(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, f"send at most {MAX_BODY_BYTES} bytes")
    try:
        content = orjson.loads(body)
    except orjson.JSONDecodeError:
        raise BadRequest("body", "is not JSON") from None
    if not isinstance(content, dict):
        raise BadRequest("body", "is not a JSON object")
    if unknown := content.keys() - set(known):
        raise BadRequest(min(unknown), f"is not known: {', '.join(known)} may be sent")
    return content


class Taking:
    """An ASGI application around a handler that takes these methods."""

    def __init__(self, handler: Handler, *methods: str) -> None:
        self._handler = handler
        self._methods = methods

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["method"] not in self._methods:
            raise HTTPException(
                HTTPStatus.METHOD_NOT_ALLOWED,
                f"this takes {', '.join(self._methods)}",
                headers={"Allow": ", ".join(self._methods)},
            )
        try:
            response = await self._handler(Request(scope, receive))
        except ClientDisconnect:
            return  # nobody is there to be answered
        await response(scope, receive, send)
