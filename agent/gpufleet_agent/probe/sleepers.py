"""Which GPUs are left asleep at a tick, and how the others are found without waking them: NVML's indexes do not say
which GPU they open, its slots do.

A GPU that nobody has read yet is read once even while it sleeps, which wakes it: without its UUID it could not be told.
"""

from collections.abc import Iterable
from dataclasses import dataclass

from gpufleet_agent.pci_slot import slot_key
from gpufleet_agent.probe.runtime_power import RuntimePower
from gpufleet_agent.readings import GpuIdentity


@dataclass(frozen=True, slots=True)
class Sleep:
    """`gpus` are asleep. While there are any, `awake` are the slots of all others."""

    gpus: tuple[GpuIdentity, ...] = ()
    awake: tuple[str, ...] = ()

    @property
    def everybody(self) -> bool:
        """Whether there is no GPU that the driver could be asked about."""
        return bool(self.gpus) and not self.awake


def sleep_of(power: RuntimePower, known: Iterable[GpuIdentity]) -> Sleep:
    """Who sleeps now of the GPUs that are `known`."""
    by_slot = {slot: gpu for gpu in known if (slot := slot_key(gpu.pci_bus_id or "")) is not None}
    asleep = power.asleep(by_slot)
    if not asleep:
        return Sleep()
    awake = {*by_slot, *power.slots()} - asleep
    return Sleep(tuple(by_slot[slot] for slot in sorted(asleep)), tuple(sorted(awake)))
