"""Which metric the NVML backend reads how, one file per concern. Names are the catalogue's; the probe does not import
the catalogue itself, which would cost it the memory of protobuf, so a contract test compares the two."""

from collections.abc import Callable, Mapping
from typing import TypeAlias

from gpufleet_agent.probe.readers import clocks, memory, power, processes, thermals, utilization
from gpufleet_agent.probe.readers.device import Device

Reader: TypeAlias = Callable[[Device], int | float]
"""Reads one metric of one GPU in the catalogue's unit, or raises `Unreadable` with the reason."""


def merge(*tables: Mapping[str, Reader]) -> dict[str, Reader]:
    """All readers in one table. Two readers of one metric are a mistake: ValueError names it."""
    merged: dict[str, Reader] = {}
    for table in tables:
        for name, reader in table.items():
            if name in merged:
                raise ValueError(f"two readers for {name}")
            merged[name] = reader
    return merged


READERS: Mapping[str, Reader] = merge(
    thermals.READERS,
    power.READERS,
    memory.READERS,
    utilization.READERS,
    clocks.READERS,
    processes.READERS,
)

_NO_GPM = "needs two GPM samples a tick apart, which this backend does not take"
_NO_SLOW_TIER = "belongs to the slow tier, which this backend does not read"

NOT_READ: Mapping[str, str] = {
    "sm_active_percent": _NO_GPM,
    "sm_occupancy_percent": _NO_GPM,
    "tensor_active_percent": _NO_GPM,
    "dram_active_percent": _NO_GPM,
    "fp64_active_percent": _NO_GPM,
    "fp32_active_percent": _NO_GPM,
    "fp16_active_percent": _NO_GPM,
    "nvlink_tx_mb_per_second": _NO_GPM,
    "nvlink_rx_mb_per_second": _NO_GPM,
    "pcie_tx_mb_per_second": _NO_SLOW_TIER,
    "pcie_rx_mb_per_second": _NO_SLOW_TIER,
    "pcie_link_generation": _NO_SLOW_TIER,
    "pcie_link_width": _NO_SLOW_TIER,
    "pcie_replay_total": _NO_SLOW_TIER,
    "ecc_corrected_total": _NO_SLOW_TIER,
    "ecc_uncorrected_total": _NO_SLOW_TIER,
    "remapped_rows_corrected_total": _NO_SLOW_TIER,
    "remapped_rows_uncorrected_total": _NO_SLOW_TIER,
    "remapped_rows_pending": _NO_SLOW_TIER,
    "remapped_rows_failed": _NO_SLOW_TIER,
    "nvlink_errors_total": _NO_SLOW_TIER,
    "power_throttle_seconds_total": _NO_SLOW_TIER,
    "thermal_throttle_seconds_total": _NO_SLOW_TIER,
    "recovery_action": _NO_SLOW_TIER,
}
"""The catalogue's other metrics, and why this backend has no reader for them."""
