"""GPUs that were reset between two readings: nobody tells it, but the energy counter begins anew."""

from collections.abc import Mapping

from gpufleet_agent.readings import GpuEvent, Reading

COUNTER = "energy_joules_total"
GPU_RESET, INFO = "GPU_RESET", "INFO"
MAX_GPUS = 1024
"""GPUs remembered; past it those that are not in the reading are forgotten."""


class ResetEvents:
    """Remembers the counter of every GPU, also while it cannot be read: a reset takes it away for a while."""

    def __init__(self) -> None:
        self._counters: dict[str, float] = {}

    def see(self, instant_us: int, reading: Reading) -> tuple[GpuEvent, ...]:
        """One event for each GPU whose counter is lower than before."""
        counters = {
            gpu.gpu.uuid: float(gpu.values[COUNTER])
            for gpu in reading.gpus
            if COUNTER in gpu.values and gpu.gpu.parent_uuid is None
        }
        events = tuple(
            GpuEvent(instant_us, GPU_RESET, INFO, _text(reading, uuid), uuid)
            for uuid, joules in counters.items()
            if joules < self._counters.get(uuid, 0.0)
        )
        self._remember(counters)
        return events

    def _remember(self, counters: Mapping[str, float]) -> None:
        self._counters.update(counters)
        if len(self._counters) > MAX_GPUS:
            self._counters = dict(counters)


def _text(reading: Reading, uuid: str) -> str:
    index = next(gpu.gpu.index for gpu in reading.gpus if gpu.gpu.uuid == uuid)
    name = "A GPU" if index is None else f"GPU {index}"
    return f"{name} was reset, or its driver loaded again: its energy counter began anew."
