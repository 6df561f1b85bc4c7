"""A fleet that streams at a steady pace, as a process of its own: a connection per host, realistic reports, acks heard.

Everything that can be made beforehand is: what is left at run time is to stamp and send. It answers each line on its
standard input with its counts, and stops at the end of the input.
"""

import argparse
import asyncio
import json
import os
import sys
import time
from dataclasses import asdict, dataclass
from pathlib import Path

import grpc
import grpc.aio

sys.path.insert(0, str(Path(__file__).parent.parent))

from bench.loading import GPUS_PER_HOST, Fleet, gpu_uuid, host_name
from bench.realistic import ALL_METRICS, DCGM_METRICS, MICROSECONDS, Hour, RealisticFleet

from gpufleet_agent.stream import CHANNEL_OPTIONS, HEARTBEAT_SECONDS, METHOD
from gpufleet_agent.wire import PROTOCOL, report_message
from gpufleet_proto import telemetry_pb2 as pb

BANK_TICKS = 60
"""So many ticks are made beforehand and used in turn."""

AT_ONCE = 50
"""Connections that are opened at the same time."""

STOP_SECONDS = 10.0

_TICK_TAG = bytes([pb.Report.TICKS_FIELD_NUMBER << 3 | 2])


@dataclass
class Counts:
    """Samples and messages so far."""

    connected: int = 0
    taken: int = 0
    acked: int = 0
    refused: int = 0
    deferred: int = 0
    messages: int = 0
    heartbeats: int = 0
    ended: int = 0
    late_ms: float = 0.0
    """How late the latest tick was sent."""


def encode_bank(hour: Hour, hosts: int) -> list[list[bytes]]:
    """The GPUs of each host (first index) at each tick of the bank (second), as the inside of a Tick."""
    columns = {name: values.tolist() for name, values in hour.columns.items()}
    present = {name: mask.tolist() for name, mask in hour.present.items()}
    bank: list[list[bytes]] = []
    for host in range(hosts):
        gpus = range(host * GPUS_PER_HOST, (host + 1) * GPUS_PER_HOST)
        ticks = range(hour.instants.shape[1])
        bank.append(
            [pb.Tick(gpus=[_stats(columns, present, gpu, tick) for gpu in gpus]).SerializeToString() for tick in ticks]
        )
    return bank


def _stats(
    columns: dict[str, list[list[float]]], present: dict[str, list[list[bool]]], gpu: int, tick: int
) -> pb.GPUStats:
    values = {
        name: column[gpu][tick] for name, column in columns.items() if name not in present or present[name][gpu][tick]
    }
    return pb.GPUStats(gpu_uuid=gpu_uuid(gpu), **values)  # type: ignore[arg-type]


def stamped(gpus: bytes, instant_us: int) -> bytes:
    """A report of one tick: fields of an encoded message may be joined, so nothing is decoded again."""
    tick = pb.Tick(instant_us=instant_us).SerializeToString()
    length = len(tick) + len(gpus)
    assert 0x80 <= length < 0x4000, "the length of a tick takes two bytes here"
    return _TICK_TAG + bytes((length & 0x7F | 0x80, length >> 7)) + tick + gpus


class Host:
    """One agent as the collector sees it: a stream, a report per so many ticks, a heartbeat every five seconds, within
    a report as an agent sends it."""

    def __init__(self, number: int, bank: list[bytes], orders: argparse.Namespace, counts: Counts) -> None:
        self._number, self._bank, self._orders, self._counts = number, bank, orders, counts
        self._sizes: dict[int, int] = {}
        self._unacked: dict[int, bytes] = {}
        self._sequence = self._tick = 0
        self._writing = asyncio.Lock()

    async def open(self, target: str) -> None:
        channel, metadata = self._channel_to(target), grpc.aio.Metadata()
        if self._orders.token:
            metadata.add("authorization", f"Bearer {self._orders.token}")
        call: grpc.aio.StreamStreamCall[bytes, bytes] = channel.stream_stream(METHOD)(metadata=metadata)
        await call.write(self._hello())
        answer = await call.read()
        assert isinstance(answer, bytes), await call.details()
        self._channel, self._call = channel, call
        self._counts.connected += 1

    def _channel_to(self, target: str) -> "grpc.aio.Channel":
        if not self._orders.ca_file:
            return grpc.aio.insecure_channel(target, options=CHANNEL_OPTIONS)
        credentials = grpc.ssl_channel_credentials(Path(self._orders.ca_file).read_bytes())
        return grpc.aio.secure_channel(target, credentials, options=CHANNEL_OPTIONS)

    async def run(self, start: float, until: asyncio.Event) -> None:
        """Ticks from `start` (monotonic) on, shifted by this host's share of the interval."""
        hearing = asyncio.create_task(self._hear())
        period = self._orders.interval * self._orders.ticks
        due = start + period * self._number / self._orders.hosts
        beat = due + HEARTBEAT_SECONDS * ((self._number * 0.618) % 1)
        while not until.is_set():
            await asyncio.sleep(max(0.0, due - time.monotonic()))
            self._counts.late_ms = max(self._counts.late_ms, 1000 * (time.monotonic() - due))
            heartbeat = self._heartbeat() if beat <= due else None
            if heartbeat is not None:
                self._counts.heartbeats += 1
                beat += HEARTBEAT_SECONDS
            await self._report(heartbeat)
            due += period
        deadline = time.monotonic() + STOP_SECONDS
        while self._sizes and time.monotonic() < deadline:
            await asyncio.sleep(0.05)
        hearing.cancel()
        self._call.cancel()
        await asyncio.gather(hearing, return_exceptions=True)
        await self._channel.close()

    async def _report(self, heartbeat: pb.Heartbeat | None) -> None:
        now_us, interval_us = time.time_ns() // 1000, round(self._orders.interval * MICROSECONDS)
        payload = b""
        for back in reversed(range(self._orders.ticks)):
            payload += stamped(self._bank[self._tick % len(self._bank)], now_us - back * interval_us)
            self._tick += 1
        self._sequence += 1
        samples = self._orders.ticks * GPUS_PER_HOST
        self._sizes[self._sequence] = samples
        message = report_message(self._sequence, payload, replayed=False, heartbeat=heartbeat)
        self._unacked[self._sequence] = message
        self._counts.taken += samples
        self._counts.messages += 1
        await self._write(message)

    async def _write(self, message: bytes) -> None:
        """One at a time: gRPC takes no second message of a call before it has taken the first."""
        async with self._writing:
            await self._call.write(message)

    async def _hear(self) -> None:
        while isinstance(raw := await self._call.read(), bytes):
            message = pb.CollectorMessage.FromString(raw)
            if message.HasField("ack"):
                self._take_ack(message.ack)
            elif message.HasField("throttle"):
                self._counts.deferred += len(message.throttle.deferred)
                await asyncio.sleep(message.throttle.pause_seconds)
                for sequence in message.throttle.deferred:
                    await self._write(self._unacked[sequence])
        self._counts.ended += 1

    def _take_ack(self, ack: pb.Ack) -> None:
        refused = sum(refusal.samples for refusal in ack.refusals)
        self._counts.refused += refused
        for sequence in ack.sequences:
            self._counts.acked += self._sizes.pop(sequence, 0)
            self._unacked.pop(sequence, None)
        self._counts.acked -= refused

    def _hello(self) -> bytes:
        now_us = time.time_ns() // 1000
        first = self._number * GPUS_PER_HOST
        gpus = [
            pb.Gpu(gpu_uuid=gpu_uuid(first + at), gpu_index=at, gpu_name="NVIDIA H100 80GB HBM3", state=pb.Gpu.OK)
            for at in range(GPUS_PER_HOST)
        ]
        hello = pb.Hello(
            protocol=PROTOCOL,
            host=host_name(self._number),
            agent_id=f"agent-{os.getpid()}-{self._number}",
            agent_version="0",
            inventory=pb.Inventory(observed_at_us=now_us, backend="nvml", gpus=gpus),
            interval_seconds=self._orders.interval,
            sent_at_us=now_us,
        )
        return pb.AgentMessage(hello=hello).SerializeToString()

    def _heartbeat(self) -> pb.Heartbeat:
        cost = pb.AgentCost(supervisor_rss_bytes=40_000_000, probe_rss_bytes=18_000_000, samples_taken_total=self._tick)
        return pb.Heartbeat(sent_at_us=time.time_ns() // 1000, interval_seconds=self._orders.interval, cost=cost)


async def answer_counts(counts: Counts) -> None:
    """One line out for every line in, until the input ends."""
    while await asyncio.to_thread(sys.stdin.readline):
        say(counts)


def say(counts: Counts) -> None:
    sys.stdout.write(json.dumps(asdict(counts)) + "\n")
    sys.stdout.flush()


async def main(orders: argparse.Namespace) -> None:
    counts = Counts()
    metrics = ALL_METRICS if orders.whole_catalogue else DCGM_METRICS
    fleet = Fleet(orders.hosts * GPUS_PER_HOST)
    bank_hours = BANK_TICKS * orders.interval / 3600
    made = RealisticFleet(
        fleet.gpus,
        bank_hours,
        since_us=0,
        interval_seconds=orders.interval,
        metrics=metrics,
        gpus_per_host=GPUS_PER_HOST,
    )
    bank = encode_bank(next(iter(made.hours())), orders.hosts)
    hosts = [Host(number, bank[number], orders, counts) for number in range(orders.hosts)]
    for first in range(0, len(hosts), AT_ONCE):
        await asyncio.gather(*(host.open(orders.target) for host in hosts[first : first + AT_ONCE]))
    say(counts)
    stop = asyncio.Event()
    start = time.monotonic() + 1.0
    running = [asyncio.create_task(host.run(start, stop)) for host in hosts]
    await answer_counts(counts)
    stop.set()
    await asyncio.gather(*running)
    say(counts)


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("target")
    parser.add_argument("--hosts", type=int, default=2000)
    parser.add_argument("--interval", type=float, default=1.0)
    parser.add_argument("--ticks", type=int, default=1, help="per report")
    parser.add_argument("--whole-catalogue", action="store_true")
    parser.add_argument("--ca-file", default="", help="speak TLS with a collector that this authority vouches for")
    parser.add_argument("--token", default="")
    asyncio.run(main(parser.parse_args()))
