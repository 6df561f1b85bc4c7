"""A collector that writes down whatever agents send, with the time, and settles every report at once."""

import time
from collections import defaultdict
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import TypeAlias

import grpc
import grpc.aio

from gpufleet_agent.stream import METHOD
from gpufleet_proto import telemetry_pb2 as pb

Context: TypeAlias = "grpc.aio.ServicerContext[bytes, bytes]"


@dataclass(frozen=True, slots=True)
class Heard:
    """A message, and the monotonic seconds at which it came."""

    at: float
    message: pb.AgentMessage


class Recorder:
    """What was heard of each host, in order."""

    def __init__(self) -> None:
        self.port = 0
        self._heard: dict[str, list[Heard]] = defaultdict(list)

    def heartbeats(self, host: str) -> list[tuple[float, pb.Heartbeat]]:
        return [(each.at, each.message.heartbeat) for each in self._of(host, "heartbeat")]

    def events(self, host: str) -> list[pb.Event]:
        return [event for each in self._of(host, "report") for event in each.message.report.events]

    def samples(self, host: str, after_us: int = 0) -> set[str]:
        """UUIDs of the GPUs of which there is a sample taken after that instant."""
        ticks = (tick for each in self._of(host, "report") for tick in each.message.report.ticks)
        return {gpu.gpu_uuid for tick in ticks if tick.instant_us > after_us for gpu in tick.gpus}

    def inventory(self, host: str) -> pb.Inventory | None:
        """The newest."""
        inventories = [each.message.inventory for each in self._of(host, "inventory")]
        greetings = [each.message.hello for each in self._of(host, "hello")]
        inventories = [*(hello.inventory for hello in greetings if hello.HasField("inventory")), *inventories]
        return max(inventories, key=lambda inventory: inventory.observed_at_us, default=None)

    def _of(self, host: str, kind: str) -> list[Heard]:
        return [each for each in self._heard[host] if each.message.WhichOneof("message") == kind]

    async def stream(self, messages: AsyncIterator[bytes], _context: Context) -> AsyncIterator[bytes]:
        host = ""
        async for raw in messages:
            message = pb.AgentMessage.FromString(raw)
            kind = message.WhichOneof("message")
            host = message.hello.host if kind == "hello" else host
            self._heard[host].append(Heard(time.monotonic(), message))
            if kind == "hello":
                yield pb.CollectorMessage(welcome=pb.Welcome(protocol=message.hello.protocol)).SerializeToString()
            elif kind == "report":
                yield pb.CollectorMessage(ack=pb.Ack(sequences=[message.report.sequence])).SerializeToString()


class _Handlers(grpc.GenericRpcHandler):
    def __init__(self, recorder: Recorder) -> None:
        self._recorder = recorder

    def service(self, call: grpc.HandlerCallDetails) -> "grpc.RpcMethodHandler[bytes, bytes] | None":
        return grpc.stream_stream_rpc_method_handler(self._recorder.stream) if call.method == METHOD else None


@asynccontextmanager
async def running_recorder(
    recorder: Recorder | None = None, tls: grpc.ServerCredentials | None = None, port: int = 0
) -> AsyncIterator[Recorder]:
    recorder = recorder or Recorder()
    server = grpc.aio.server(options=(("grpc.so_reuseport", 0),))
    server.add_generic_rpc_handlers((_Handlers(recorder),))
    address = f"127.0.0.1:{port}"
    recorder.port = server.add_insecure_port(address) if tls is None else server.add_secure_port(address, tls)
    await server.start()
    try:
        yield recorder
    finally:
        await server.stop(0)
