"""Memory errors over the life of the board, which the board itself remembers (the aggregate counters)."""

from gpufleet_agent.probe.readers.device import Device, known, within

CORRECTED, UNCORRECTED = 0, 1
"""NVML_MEMORY_ERROR_TYPE_CORRECTED, NVML_MEMORY_ERROR_TYPE_UNCORRECTED"""
AGGREGATE = 1
"""NVML_AGGREGATE_ECC"""
MOST_ERRORS = 10**15
"""The maximum in the catalogue."""


def ecc_corrected_total(device: Device) -> float:
    return _errors(device, CORRECTED)


def ecc_uncorrected_total(device: Device) -> float:
    return _errors(device, UNCORRECTED)


def _errors(device: Device, kind: int) -> float:
    return within(known(device.call("nvmlDeviceGetTotalEccErrors", kind, AGGREGATE)), MOST_ERRORS)


READERS = {"ecc_corrected_total": ecc_corrected_total, "ecc_uncorrected_total": ecc_uncorrected_total}
