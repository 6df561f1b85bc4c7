"""What went wrong on the NVLinks of a GPU, over all its links.

Each generation has counters of its own: up to Ampere totals over all links, on Hopper the data link layer's counters
for each link, from NVLink 5 (Blackwell) on packets with errors and link recoveries for each link (nvml.h,
NVML_FI_DEV_NVLINK_*). The oldest that the GPU has are taken, all of them: half a sum would look like a reset.
"""

from collections.abc import Iterator

from gpufleet_agent.probe.nvml_driver import Unreadable
from gpufleet_agent.probe.readers.device import WHOLE_GPU, Device, within
from gpufleet_agent.readings import NOT_SUPPORTED

LINK_COUNT = 91
"""NVML_FI_DEV_NVLINK_LINK_COUNT"""
MOST_LINKS = 72
"""More than any GPU has; a driver that tells more is not believed."""
TOTALS = (38, 45, 52, 59)
"""NVML_FI_DEV_NVLINK_{CRC_FLIT,CRC_DATA,REPLAY,RECOVERY}_ERROR_COUNT_TOTAL"""
PER_LINK = ((161, 162, 163), (208, 215))
"""NVML_FI_DEV_NVLINK_ERROR_DL_{REPLAY,RECOVERY,CRC}; NVML_FI_DEV_NVLINK_COUNT_{RCV_ERRORS,LINK_RECOVERY_EVENTS}: the
scope of these fields is the link."""
MOST_ERRORS = 10**15
"""The maximum in the catalogue."""


def nvlink_errors_total(device: Device) -> float:
    links = within(device.field(LINK_COUNT), MOST_LINKS)
    if not links:
        raise Unreadable(NOT_SUPPORTED)
    for fields in _generations(int(links)):
        counts = device.fields(fields)
        known = [count for count in counts if not isinstance(count, Unreadable)]
        _raise_failure(counts)
        if known:
            return within(sum(known), MOST_ERRORS)
    raise Unreadable(NOT_SUPPORTED)


def _generations(links: int) -> Iterator[tuple[tuple[int, int], ...]]:
    yield tuple((field, WHOLE_GPU) for field in TOTALS)
    for fields in PER_LINK:
        yield tuple((field, link) for link in range(links) for field in fields)


def _raise_failure(counts: list[float | Unreadable]) -> None:
    """A counter that the GPU does not have is no failure: another generation's GPU has it."""
    for count in counts:
        if isinstance(count, Unreadable) and count.reason != NOT_SUPPORTED:
            raise count


READERS = {"nvlink_errors_total": nvlink_errors_total}
