"""uvicorn as a part among others: listens where it is told, takes no signals, and starts and stops when asked."""

import asyncio
import contextlib
import errno
import logging
import socket
from collections.abc import Iterator

import uvicorn
from starlette.types import ASGIApp

from gpufleet_collector.config import Listen
from gpufleet_collector.errors import ConfigurationError
from gpufleet_collector.tls import Certificates
from gpufleet_collector.web.serving.crowd import Crowd
from gpufleet_collector.web.serving.http import HttpProtocol
from gpufleet_collector.web.serving.options import uvicorn_options

STOP_SECONDS = 3
HANDSHAKE_SECONDS = 10.0
"""Of TLS. It is known to nobody before it is done."""
BACKLOG = 1024


class WebServer:
    """Serves `app`. Start, stop, stop twice and stop unstarted are all fine."""

    def __init__(
        self,
        app: ASGIApp,
        listen: Listen,
        log: logging.Logger,
        crowd: Crowd,
        certificates: Certificates | None = None,
    ) -> None:
        """With `certificates` clients have to speak TLS."""
        self._app = app
        self._crowd = crowd
        self._certificates = certificates
        self._listen = listen
        self._log = log
        self._server: _Server | None = None
        self._serving: asyncio.Task[None] | None = None
        self.port = 0

    async def start(self) -> None:
        """Raises ConfigurationError when the address cannot be had."""
        listener = _listen(self._listen)
        self.port = listener.getsockname()[1]
        config = uvicorn.Config(
            self._app,
            log_config=None,
            lifespan="off",
            timeout_graceful_shutdown=STOP_SECONDS,
            **uvicorn_options(),
        )
        if self._certificates is not None:
            config.load()
            config.ssl = self._certificates.http
        self._server = _Server(config, self._crowd)
        self._serving = asyncio.create_task(self._server.serve(sockets=[listener]))

    async def stop(self) -> None:
        """Close all connections."""
        server, serving = self._server, self._serving
        self._server = self._serving = None
        if server is None or serving is None:
            return
        server.should_exit = True
        await serving


class _Server(uvicorn.Server):
    """Leaves signals to the service that owns it, and listens with protocols and limits of ours, where uvicorn has none
    for the handshake of TLS."""

    def __init__(self, config: uvicorn.Config, crowd: Crowd) -> None:
        super().__init__(config)
        self._crowd = crowd

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await self.lifespan.startup()
        loop, context = asyncio.get_running_loop(), self.config.ssl
        self.servers = [
            await loop.create_server(
                self._protocol,
                sock=listener,
                ssl=context,
                backlog=BACKLOG,
                ssl_handshake_timeout=None if context is None else HANDSHAKE_SECONDS,
            )
            for listener in sockets or ()
        ]
        self.started = True

    def _protocol(self) -> HttpProtocol:
        return HttpProtocol(self.config, self.server_state, self.lifespan.state, self._crowd)


def _listen(listen: Listen) -> socket.socket:
    family = socket.AF_INET6 if ":" in listen.host else socket.AF_INET
    # Only where the protocol is named does asyncio set TCP_NODELAY: two pieces of an answer would be 40 ms apart.
    listener = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((listen.host, listen.port))
        listener.listen(BACKLOG)
    except OSError as error:
        listener.close()
        raise _refusal(listen, error) from None
    return listener


def _refusal(listen: Listen, error: OSError) -> ConfigurationError:
    why = "is taken" if error.errno == errno.EADDRINUSE else f"cannot be listened on ({error.strerror or error})"
    other = Listen(listen.host, listen.port % 65_535 + 1)
    return ConfigurationError(
        f"GPUFLEET_HTTP_LISTEN={listen} {why}: choose another, such as GPUFLEET_HTTP_LISTEN={other}"
    )
