"""Ticks and processes of a simulated host as messages that are kept from tick to tick: what stays the same while the
work of a GPU goes on is written once, so that one process can be thousands of hosts."""

from dataclasses import dataclass

from gpufleet_agent.simulation.day import DAY_SECONDS, Stretch
from gpufleet_agent.simulation.gpu import MICROSECONDS, SimulatedGpu, is_slow_tick, utilization_percent
from gpufleet_agent.simulation.host import SimulatedHost
from gpufleet_agent.simulation.processes import SHARES, sm_percent
from gpufleet_agent.wire import encode_ticks, processes_of, stats, tick_of
from gpufleet_proto import telemetry_pb2 as pb

DAY_US = round(DAY_SECONDS) * MICROSECONDS


@dataclass(slots=True)
class _Kept:
    """The samples of one kind of tick, and the stretch of work in which each was written."""

    tick: pb.Tick
    samples: tuple[pb.GPUStats, ...]
    stretches: list[Stretch | None]


class HostTicks:
    """Gives the bytes of `encode_ticks([tick_of(instant, host.read(instant))])` for less."""

    def __init__(self, host: SimulatedHost, interval_seconds: float) -> None:
        self._host = host
        self._interval = interval_seconds
        self._kept: dict[bool, _Kept] = {}

    def encode(self, instant_us: int) -> tuple[bytes, int]:
        """The tick at `instant_us` as the payload of a report, and how many samples are in it."""
        gpus = self._host.gpus
        if any(gpu.faults is not None and gpu.is_lost(instant_us) for gpu in gpus):
            tick = tick_of(instant_us, self._host.read(instant_us, self._interval))
            return encode_ticks([tick]), len(tick.gpus)
        seconds = instant_us / MICROSECONDS
        slow = is_slow_tick(seconds, self._interval)
        kept = self._kept.get(slow) or self._keep(slow)
        for at, (gpu, sample) in enumerate(zip(gpus, kept.samples, strict=True)):
            now = gpu.now(seconds)
            if gpu.stretch is kept.stretches[at]:
                for name, value_of in gpu.moving_slowly if slow else gpu.moving:
                    setattr(sample, name, value_of(now))
            else:
                _write_anew(sample, gpu, seconds, slow=slow)
                kept.stretches[at] = gpu.stretch
        kept.tick.instant_us = instant_us
        return encode_ticks([kept.tick]), len(gpus)

    def _keep(self, slow: bool) -> _Kept:
        tick = pb.Tick()
        samples = tuple(tick.gpus.add() for _ in self._host.gpus)
        kept = self._kept[slow] = _Kept(tick, samples, [None] * len(samples))
        return kept


def _write_anew(sample: pb.GPUStats, gpu: SimulatedGpu, seconds: float, *, slow: bool) -> None:
    sample.CopyFrom(stats(gpu.identity.uuid, gpu.values(seconds, slow=slow)))


class HostProcesses:
    """Gives `processes_of(instant, host.processes(instant))` for less. The message that it gives stays its own: the
    next is written in its place."""

    def __init__(self, host: SimulatedHost) -> None:
        self._host = host
        self._message = pb.Processes()
        self._parts: tuple[tuple[pb.Process, SimulatedGpu, float], ...] = ()
        self._day: int | None = None
        self._stretches: list[Stretch | None] = []

    def tell(self, instant_us: int) -> pb.Processes:
        """Who holds the GPUs at `instant_us`."""
        seconds = instant_us / MICROSECONDS
        stretches = [None if gpu.is_lost(instant_us) else gpu.stretch_at(seconds) for gpu in self._host.gpus]
        day = instant_us // DAY_US
        if day != self._day or stretches != self._stretches:
            self._write_anew(instant_us)
            self._day, self._stretches = day, stretches
        else:
            self._message.observed_at_us = instant_us
            for process, gpu, share in self._parts:
                process.sm_utilization_percent = sm_percent(utilization_percent(gpu.now(seconds)), share)
        return self._message

    def _write_anew(self, instant_us: int) -> None:
        self._message.CopyFrom(processes_of(instant_us, self._host.processes(instant_us)))
        gpus = {gpu.identity.uuid: gpu for gpu in self._host.gpus}
        self._parts = tuple(
            (process, gpus[process.gpu_uuid], SHARES[process.name]) for process in self._message.processes
        )
