"""What every endpoint is: something that may be asked with GET and HEAD, and with nothing else."""

from collections.abc import Awaitable, Callable
from http import HTTPStatus

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from gpufleet_collector.web.declared import Declared
from gpufleet_collector.web.departure import ClientGone, unless_gone
from gpufleet_collector.web.parameters import Parameters

Handler = Callable[[Request], Awaitable[Response]]


class Reading:
    """An ASGI application around a handler. It takes every method, so that a wrong one is not an unknown path."""

    def __init__(self, handler: Handler) -> None:
        self._handler = handler

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["method"] not in {"GET", "HEAD"}:
            raise HTTPException(
                HTTPStatus.METHOD_NOT_ALLOWED, "this can only be read: use GET", headers={"Allow": "GET, HEAD"}
            )
        request = Request(scope, receive)
        try:
            response = await unless_gone(request, self._handler(request))
        except ClientGone:
            return
        await response(scope, receive, send)


def parameters(request: Request, declared: Declared) -> Parameters:
    """What was asked. Raises BadRequest for a parameter that is not declared."""
    return Parameters(request.query_params.multi_items(), [parameter.name for parameter in declared])
