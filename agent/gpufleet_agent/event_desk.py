"""Gathers what happened from all who may tell of it (readings, inventories, the kernel's log): each thing once."""

from collections.abc import Callable, Iterable
from typing import Protocol

from gpufleet_agent.breadcrumb import Call
from gpufleet_agent.lost_once import LostOnce
from gpufleet_agent.pci_slot import slot_key
from gpufleet_agent.readings import GpuEvent, Reading
from gpufleet_agent.reset_events import ResetEvents
from gpufleet_agent.state_events import StateEvents, agent_started, driver_hangs
from gpufleet_agent.xid_merge import KERNEL_LOG, NVML, XidMerge, window_us

MAX_WAITING = 4096
"""Events not taken yet; past it the newest are left out and counted: a storm tells nothing new."""


MAX_HANGS = 64
"""Calls told to hang on GPUs that nobody knows; past it no other is told."""


class EventSource(Protocol):
    """Something that is asked now and then what happened, such as the kernel's log."""

    def poll(self) -> tuple[GpuEvent, ...]:
        """What happened since the poll before."""


class EventDesk:
    """`take` gives the events that were gathered since it was called last, each with its id."""

    def __init__(self, agent_id: str, interval_seconds: float) -> None:
        self._agent_id = agent_id
        self._number = 0
        self._states = StateEvents()
        self._resets = ResetEvents()
        self._merge = XidMerge(window_us(interval_seconds))
        self._losses = LostOnce()
        self._waiting: list[tuple[str, GpuEvent]] = []
        self._hangs: set[str] = set()
        self.left_out = 0

    def started(self, instant_us: int, agent_version: str) -> None:
        """The agent has started."""
        self._add((agent_started(instant_us, agent_version),))

    def reading(self, instant_us: int, reading: Reading, inventory: Reading | None) -> None:
        """What a reading tells, and the inventory that it shows where that is another than before."""
        self._add(self._merge.new(NVML, reading.events))
        if not reading.simulated:  # its counters begin anew with the year
            self._add(self._resets.see(instant_us, reading))
        if inventory is not None:
            self.inventory(instant_us, inventory)

    def inventory(self, instant_us: int, inventory: Reading) -> None:
        """The inventory has changed."""
        self._add(self._losses.of_inventory(self._states.see(instant_us, inventory)))

    def hang(self, instant_us: int, call: Call, inventory: Reading | None) -> None:
        """A driver call hangs. `inventory` is what it leaves of the GPUs, None where it concerns none that is known:
        that is told once."""
        if inventory is not None:
            self._add(self._losses.of_inventory(self._states.see(instant_us, inventory, call.name)))
            return
        what = call.what()
        if what not in self._hangs and len(self._hangs) < MAX_HANGS:
            self._hangs.add(what)
            self._add((driver_hangs(instant_us, what),))

    def change_interval(self, seconds: float) -> None:
        """From now on there is a reading every `seconds`."""
        self._merge.within_us = window_us(seconds)

    def poll(self, kernel_log: EventSource) -> None:
        """What the kernel's log tells."""
        self._add(self._losses.of_kernel(self._merge.new(KERNEL_LOG, kernel_log.poll())))

    def take(self) -> list[tuple[str, GpuEvent]]:
        waiting, self._waiting = self._waiting, []
        return waiting

    def _add(self, events: Iterable[GpuEvent]) -> None:
        for event in events:
            if len(self._waiting) >= MAX_WAITING:
                self.left_out += 1
                continue
            self._number += 1
            self._waiting.append((f"{self._agent_id}-{self._number}", event))


def gpu_at(inventory: Callable[[], Reading | None]) -> Callable[[str], str | None]:
    """From a PCI slot to the UUID of the whole GPU that the current inventory has there."""

    def find(slot: str) -> str | None:
        current = inventory()
        for reading in () if current is None else current.gpus:
            gpu = reading.gpu
            if gpu.parent_uuid is None and gpu.pci_bus_id is not None and slot_key(gpu.pci_bus_id) == slot:
                return gpu.uuid
        return None

    return find
