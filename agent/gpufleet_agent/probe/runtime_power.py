"""GPUs that the kernel has put to sleep (RTD3): a question to the driver would wake them, so the kernel is asked first.

Reading /sys wakes nobody (Documentation/power/runtime_pm.rst; henrygd/beszel#1522 is what happens without it).
"""

import os
from collections.abc import Collection

from gpufleet_agent.pci_slot import slot_key

SUSPENDED = b"suspended"
MAX_SLOTS = 1024
MAX_STATUS_BYTES = 64
MAX_SLOTS_KNOWN = 256
"""Slots whose file is kept open, or known not to be there; past it those that are not asked about are forgotten."""
LOOKS_WITHOUT = 10
"""Where the kernel keeps no status of a slot, it is asked for one again after so many looks."""
_DEVICES, _DRIVER = "bus/pci/devices", "bus/pci/drivers/nvidia"


class RuntimePower:
    """What /sys (`root`) says of the GPUs. Slots are keys of `slot_key`. Where it says nothing, nobody sleeps."""

    def __init__(self, root: str = "/sys") -> None:
        self._root = root
        self._files: dict[str, int] = {}
        """The open file of each slot asked about, so that a look is one read."""
        self._looks_without: dict[str, int] = {}

    def asleep(self, slots: Collection[str]) -> frozenset[str]:
        """Those of these slots whose device is suspended now."""
        if len(self._files) + len(self._looks_without) > MAX_SLOTS_KNOWN:
            self._forget_all_but(slots)
        return frozenset(slot for slot in slots if self._status(slot) == SUSPENDED)

    def close(self) -> None:
        """Close what is open. Safe to call twice; what is asked afterwards is opened again."""
        self._forget_all_but(())

    def slots(self) -> tuple[str, ...]:
        """All slots that the NVIDIA driver has, in order."""
        try:
            names = os.listdir(f"{self._root}/{_DRIVER}")  # noqa: PTH208 - names, not paths, are wanted
        except OSError:
            return ()
        return tuple(sorted(slot for name in names if (slot := slot_key(name)) is not None))[:MAX_SLOTS]

    def _status(self, slot: str) -> bytes:
        descriptor = self._files.get(slot)
        if descriptor is None and (descriptor := self._open(slot)) is None:
            return b""
        try:
            return os.pread(descriptor, MAX_STATUS_BYTES, 0).strip()
        except OSError:  # the device is gone (ENODEV)
            os.close(self._files.pop(slot))
            return b""

    def _open(self, slot: str) -> int | None:
        looks_left = self._looks_without.get(slot, 0)
        if looks_left:
            self._looks_without[slot] = looks_left - 1
            return None
        try:
            path = f"{self._root}/{_DEVICES}/{slot}.0/power/runtime_status"
            descriptor = self._files[slot] = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
        except FileNotFoundError:
            self._looks_without[slot] = LOOKS_WITHOUT
            return None
        except OSError:  # such as no descriptor left: that passes, and a GPU that sleeps is not to be woken for long
            return None
        self._looks_without.pop(slot, None)
        return descriptor

    def _forget_all_but(self, slots: Collection[str]) -> None:
        for slot in self._files.keys() - slots:
            os.close(self._files.pop(slot))
        for slot in self._looks_without.keys() - slots:
            del self._looks_without[slot]
