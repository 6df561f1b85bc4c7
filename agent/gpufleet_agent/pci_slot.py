"""PCI addresses, which NVML, the kernel's log and /sys each write in their own way, as one key."""

import re
from functools import lru_cache

_ADDRESS = re.compile(r"(?:([0-9a-fA-F]{4,8}):)?([0-9a-fA-F]{2}):([0-9a-fA-F]{2})(?:\.[0-7])?")

MOST_REMEMBERED = 512
"""Addresses whose key is kept: those of the GPUs are asked for at every tick."""


@lru_cache(MOST_REMEMBERED)
def slot_key(address: str) -> str | None:
    """`00000000:C1:00.0`, `0000:c1:00` and `c1:00.0` -> `0000:c1:00`, without the function, which is 0 for a GPU. None
    for what is no PCI address."""
    match = _ADDRESS.fullmatch(address.strip())
    if match is None:
        return None
    domain, bus, device = match.groups()
    return f"{int(domain or '0', 16):04x}:{bus}:{device}".lower()
