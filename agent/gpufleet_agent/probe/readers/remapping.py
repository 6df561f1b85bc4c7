"""Rows of memory that were replaced by spare ones (Ampere and newer)."""

from gpufleet_agent.probe.readers.device import Device, within

CORRECTED, UNCORRECTED, PENDING, FAILED = range(4)
"""Places in the answer of nvmlDeviceGetRemappedRows."""
MOST_ROWS = 2**31 - 1
"""The maximum in the catalogue."""


def remapped_rows_corrected_total(device: Device) -> float:
    return within(_rows(device, CORRECTED), MOST_ROWS)


def remapped_rows_uncorrected_total(device: Device) -> float:
    return within(_rows(device, UNCORRECTED), MOST_ROWS)


def remapped_rows_pending(device: Device) -> int:
    return int(_rows(device, PENDING) != 0)


def remapped_rows_failed(device: Device) -> int:
    return int(_rows(device, FAILED) != 0)


def _rows(device: Device, place: int) -> int:
    count: int = device.call("nvmlDeviceGetRemappedRows")[place]
    return count


READERS = {
    "remapped_rows_corrected_total": remapped_rows_corrected_total,
    "remapped_rows_uncorrected_total": remapped_rows_uncorrected_total,
    "remapped_rows_pending": remapped_rows_pending,
    "remapped_rows_failed": remapped_rows_failed,
}
