"""What is not there, said in a way that a program can read."""

from http import HTTPStatus

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import ASGIApp, Receive, Scope, Send
from starlette.websockets import WebSocket

from gpufleet_collector.web.problems import problem


class UnknownApi:
    """Any method on an API path that does not exist."""

    async def __call__(self, scope: Scope, _receive: Receive, _send: Send) -> None:
        raise HTTPException(HTTPStatus.NOT_FOUND, f"there is no {scope['path'][:256]} here")


unknown_api = UnknownApi()


async def only_websockets(_request: Request) -> Response:
    raise HTTPException(
        HTTPStatus.UPGRADE_REQUIRED, "this is a WebSocket", headers={"Upgrade": "websocket", "Connection": "Upgrade"}
    )


class OneWebSocket:
    """Who asks for a WebSocket elsewhere than at `path` is told that there is none."""

    def __init__(self, app: ASGIApp, path: str) -> None:
        self._app = app
        self._path = path

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "websocket" or scope["path"] == self._path:
            await self._app(scope, receive, send)
            return
        answer = problem(HTTPStatus.NOT_FOUND, f"there is no WebSocket at {scope['path'][:256]}: it is at {self._path}")
        await WebSocket(scope, receive, send).send_denial_response(answer)
