"""The kernel's log and the readings both tell that a GPU is lost, each when it notices: one event for one loss."""

from collections.abc import Iterable, Iterator

from gpufleet_agent.readings import GpuEvent
from gpufleet_agent.state_events import GPU_FOUND, GPU_LOST

SAME_LOSS_US = 3_600_000_000
"""What the kernel tells is seen in a reading within so long: a GPU on which calls hang is left alone for minutes."""
MAX_GPUS = 1024
"""GPUs remembered by each source; past it the first are forgotten, and may be told again."""


class LostOnce:
    """Lets the first GPU_LOST of every loss through, and everything else. Time is that of the events."""

    def __init__(self) -> None:
        self._told_by_kernel: dict[str, int] = {}
        self._missing: dict[str, int] = {}

    def of_inventory(self, events: Iterable[GpuEvent]) -> tuple[GpuEvent, ...]:
        """Those of `events`, which follow from inventories, that are news."""
        return tuple(self._inventory_news(events))

    def of_kernel(self, events: Iterable[GpuEvent]) -> tuple[GpuEvent, ...]:
        """Those of `events`, which the kernel's log tells, that are news."""
        return tuple(event for event in events if not self._known(event))

    def _inventory_news(self, events: Iterable[GpuEvent]) -> Iterator[GpuEvent]:
        for event in events:
            if event.kind == GPU_LOST and event.gpu_uuid is not None:
                told = event.gpu_uuid in self._missing or self._kernel_told(event.gpu_uuid, event.instant_us)
                _remember(self._missing, event)
                if told:
                    continue
            if event.kind == GPU_FOUND and event.gpu_uuid is not None:
                self._missing.pop(event.gpu_uuid, None)
                self._told_by_kernel.pop(event.gpu_uuid, None)
            yield event

    def _known(self, event: GpuEvent) -> bool:
        """Whether this is a loss that was told before. One in a slot that nobody knows never is."""
        uuid = event.gpu_uuid
        if event.kind != GPU_LOST or uuid is None:
            return False
        if uuid in self._missing or self._kernel_told(uuid, event.instant_us):
            return True
        _remember(self._told_by_kernel, event)
        return False

    def _kernel_told(self, uuid: str, instant_us: int) -> bool:
        told_us = self._told_by_kernel.get(uuid)
        return told_us is not None and abs(instant_us - told_us) <= SAME_LOSS_US


def _remember(losses: dict[str, int], event: GpuEvent) -> None:
    if len(losses) >= MAX_GPUS:
        del losses[next(iter(losses))]
    losses[event.gpu_uuid or ""] = event.instant_us
