"""A collector with a doorkeeper, of whom a test says whom to let in, also while streams are open."""

from collections.abc import AsyncIterator, Collection
from contextlib import asynccontextmanager

import grpc

from fakes.certificates import Issued
from fakes.recorder import Context, Recorder, running_recorder
from gpufleet_proto import telemetry_pb2 as pb


class Gate(Recorder):
    """Everybody is let in until `tokens` says who: then whoever shows none of them is sent away, in the middle of a
    stream too. Who is let in may stream for all hosts but those that are `denied`."""

    def __init__(self, tokens: Collection[str] | None = None) -> None:
        super().__init__()
        self.tokens = tokens
        self.denied: Collection[str] = ()
        self.shown: list[str | None] = []

    async def stream(self, messages: AsyncIterator[bytes], context: Context) -> AsyncIterator[bytes]:
        shown = _authorization(context)
        self.shown.append(shown)
        await self._judge(shown, context)
        async for answer in super().stream(self._judged(shown, messages, context), context):
            yield answer

    async def _judged(
        self, shown: str | None, messages: AsyncIterator[bytes], context: Context
    ) -> AsyncIterator[bytes]:
        async for raw in messages:
            await self._judge(shown, context)
            if pb.AgentMessage.FromString(raw).hello.host in self.denied:
                await context.abort(grpc.StatusCode.PERMISSION_DENIED, "not this host")
            yield raw

    async def _judge(self, shown: str | None, context: Context) -> None:
        if self.tokens is not None and shown not in {f"Bearer {token}" for token in self.tokens}:
            await context.abort(grpc.StatusCode.UNAUTHENTICATED, "a valid token is needed")


def _authorization(context: Context) -> str | None:
    found = [value for key, value in context.invocation_metadata() or () if key == "authorization"]
    return str(found[0]) if found else None


@asynccontextmanager
async def running_gate(gate: Gate, tls: grpc.ServerCredentials | None = None, port: int = 0) -> AsyncIterator[Gate]:
    async with running_recorder(gate, tls, port):
        yield gate


def tls_of(server: Issued, client_ca: bytes | None = None) -> grpc.ServerCredentials:
    """What a server shows; with `client_ca` whoever connects has to show a certificate of that CA."""
    return grpc.ssl_server_credentials([(server.key_pem, server.cert_pem)], client_ca, client_ca is not None)
