"""GPUs that the kernel has put to sleep (RTD3): a question to the driver would wake them, so the kernel is asked first.

Reading /sys wakes nobody (Documentation/power/runtime_pm.rst; henrygd/beszel#1522 is what happens without it).
"""

import os
from collections.abc import Iterable

from gpufleet_agent.pci_slot import slot_key

SUSPENDED = b"suspended"
MAX_SLOTS = 1024
_DEVICES, _DRIVER = "bus/pci/devices", "bus/pci/drivers/nvidia"


class RuntimePower:
    """What /sys (`root`) says of the GPUs. Slots are keys of `slot_key`. Where it says nothing, nobody sleeps."""

    def __init__(self, root: str = "/sys") -> None:
        self._root = root

    def asleep(self, slots: Iterable[str]) -> frozenset[str]:
        """Those of these slots whose device is suspended now."""
        return frozenset(slot for slot in slots if self._status(slot) == SUSPENDED)

    def slots(self) -> tuple[str, ...]:
        """All slots that the NVIDIA driver has, in order."""
        try:
            names = os.listdir(f"{self._root}/{_DRIVER}")  # noqa: PTH208 - names, not paths, are wanted
        except OSError:
            return ()
        return tuple(sorted(slot for name in names if (slot := slot_key(name)) is not None))[:MAX_SLOTS]

    def _status(self, slot: str) -> bytes:
        try:
            descriptor = os.open(f"{self._root}/{_DEVICES}/{slot}.0/power/runtime_status", os.O_RDONLY | os.O_CLOEXEC)
        except OSError:
            return b""
        try:
            return os.read(descriptor, 64).strip()
        except OSError:
            return b""
        finally:
            os.close(descriptor)
