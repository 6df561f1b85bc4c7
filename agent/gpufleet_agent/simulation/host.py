"""One simulated host: GPUs of one model, one of them too hot, and with faults on one that comes and goes."""

from collections.abc import Iterator
from hashlib import sha256

from gpufleet_agent.readings import LOST, OK, GpuEvent, GpuProcess, GpuReading, Reading
from gpufleet_agent.simulation.boards import BOARDS
from gpufleet_agent.simulation.faults import Faults
from gpufleet_agent.simulation.gpu import SimulatedGpu

DRIVER_VERSION = "590.48.01"
FALLEN_OFF_THE_BUS = 79
"""The XID of a GPU that has gone, see "XID Errors" in NVIDIA's documentation."""

HOT_ONE_IN = 3
"""One host in so many has a GPU that runs too hot."""


class SimulatedHost:
    """`gpus` GPUs in the host called `name`, the same for the same seed."""

    def __init__(self, name: str, gpus: int, *, seed: int = 0, faults: Faults | None = None) -> None:
        self.name = name
        draw = int.from_bytes(sha256(f"{seed}/{name}".encode()).digest()[:8])
        board = BOARDS[draw % len(BOARDS)]
        hot = (draw >> 8) % max(1, gpus) if (draw >> 16) % HOT_ONE_IN == 0 else None
        faulty = (draw >> 24) % max(1, gpus)
        self.gpus = tuple(
            SimulatedGpu(seed, name, index, board, hot=index == hot, faults=faults if index == faulty else None)
            for index in range(gpus)
        )
        self._has_faults = any(gpu.faults is not None for gpu in self.gpus)
        self._all_well = (OK,) * gpus

    def read(self, instant_us: int, interval_seconds: float) -> Reading:
        return self._reading(tuple(gpu.read(instant_us, interval_seconds) for gpu in self.gpus))

    def _reading(self, gpus: tuple[GpuReading, ...]) -> Reading:
        return Reading("simulated", gpus, DRIVER_VERSION, DRIVER_VERSION.rpartition(".")[0], simulated=True)

    def states(self, instant_us: int) -> tuple[str, ...]:
        """Of its GPUs, in order."""
        if not self._has_faults:
            return self._all_well
        return tuple(LOST if gpu.is_lost(instant_us) else OK for gpu in self.gpus)

    def inventory(self, states: tuple[str, ...]) -> Reading:
        """A reading without values in which its GPUs are in these states."""
        return self._reading(tuple(gpu.described(state) for gpu, state in zip(self.gpus, states, strict=True)))

    def processes(self, instant_us: int) -> tuple[GpuProcess, ...]:
        """Everything that holds a GPU at `instant_us`."""
        return tuple(process for gpu in self.gpus for process in gpu.processes(instant_us))

    def events(self, since_us: int, until_us: int) -> list[tuple[str, GpuEvent]]:
        """What happened within [since_us, until_us), oldest first, each with an id that another run over the same time
        gives it as well."""
        if not self._has_faults:
            return []
        found = [event for gpu in self.gpus for event in _events(gpu, since_us, until_us)]
        found.sort(key=lambda event: event.instant_us)
        return [(self._event_id(event), event) for event in found]

    def _event_id(self, event: GpuEvent) -> str:
        who = f"{self.name}/{event.gpu_uuid}/{event.kind}/{event.instant_us}"
        return "sim-" + sha256(who.encode()).hexdigest()[:28]


def _events(gpu: SimulatedGpu, since_us: int, until_us: int) -> Iterator[GpuEvent]:
    if gpu.faults is None:
        return
    uuid, name = gpu.identity.uuid, f"GPU {gpu.identity.index}"
    for instant_us, lost in gpu.faults.changes(since_us, until_us):
        if lost:
            yield GpuEvent(instant_us, "XID", "CRITICAL", f"{name} has fallen off the bus.", uuid, FALLEN_OFF_THE_BUS)
            yield GpuEvent(instant_us, "GPU_LOST", "CRITICAL", f"{name} is lost: the driver cannot reach it.", uuid)
        else:
            yield GpuEvent(instant_us, "GPU_FOUND", "INFO", f"{name} is back.", uuid)
