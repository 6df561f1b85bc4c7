"""The memory on the board, in MiB. NVML speaks of bytes.

Version 2 of the call keeps what the driver reserves apart from what processes use; version 1 adds the two up, and is
asked only where version 2 is missing.
"""

from typing import Any

from gpufleet_agent.probe.nvml_driver import INVALID_ARGUMENT, CallFailed, Unreadable
from gpufleet_agent.probe.readers.device import UNKNOWN_TO_LIBRARY, Device, known, within
from gpufleet_agent.readings import BACKEND, NOT_SUPPORTED

MEMORY_V2 = 0x02000028
"""nvmlMemory_v2: the size of the structure, with the version in the highest byte."""
MEBIBYTE = 1 << 20
MOST_MEBIBYTES = 2**31 - 1
"""The maximum in the catalogue."""
VERSION_2_MISSING = UNKNOWN_TO_LIBRARY | {INVALID_ARGUMENT}


def memory_used_mb(device: Device) -> int:
    return _mebibytes(_memory(device).used)


def memory_total_mb(device: Device) -> int:
    return _mebibytes(_memory(device).total)


def memory_reserved_mb(device: Device) -> int:
    memory = _memory(device)
    if not hasattr(memory, "reserved"):
        raise Unreadable(BACKEND)
    return _mebibytes(memory.reserved)


def _memory(device: Device) -> Any:
    """The answer of version 2 or 1. With unified memory (GB10) drivers say either NOT_SUPPORTED or a total of 0: the
    board has no memory of its own, which is not the same as having none left (XuehaiPan/nvitop#208)."""
    try:
        memory = device.call("nvmlDeviceGetMemoryInfo", MEMORY_V2)
    except CallFailed as failed:
        if failed.code not in VERSION_2_MISSING:
            raise
        memory = device.call("nvmlDeviceGetMemoryInfo")
    if memory.total == 0:
        raise Unreadable(NOT_SUPPORTED)
    return memory


def _mebibytes(count: int) -> int:
    return round(within(known(count) / MEBIBYTE, MOST_MEBIBYTES))


READERS = {
    "memory_used_mb": memory_used_mb,
    "memory_total_mb": memory_total_mb,
    "memory_reserved_mb": memory_reserved_mb,
}
