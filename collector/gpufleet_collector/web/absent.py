"""What is not there, said in a way that a program can read."""

from http import HTTPStatus

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import Receive, Scope, Send


class UnknownApi:
    """Any method on an API path that does not exist."""

    async def __call__(self, scope: Scope, _receive: Receive, _send: Send) -> None:
        raise HTTPException(HTTPStatus.NOT_FOUND, f"there is no {scope['path'][:256]} here")


unknown_api = UnknownApi()


async def only_websockets(_request: Request) -> Response:
    raise HTTPException(
        HTTPStatus.UPGRADE_REQUIRED, "this is a WebSocket", headers={"Upgrade": "websocket", "Connection": "Upgrade"}
    )
