"""The activity counters of Hopper and newer (GPM): which metric is which of NVML's, and what a number of it is worth.

They are no readers of one moment, but the difference of two samples: see `probe.gpm`.
"""

from collections.abc import Callable, Mapping

from gpufleet_agent.probe.readers.device import within

METRICS: Mapping[str, int] = {
    "sm_active_percent": 2,
    "sm_occupancy_percent": 3,
    "tensor_active_percent": 5,
    "dram_active_percent": 10,
    "fp64_active_percent": 11,
    "fp32_active_percent": 12,
    "fp16_active_percent": 13,
    "nvlink_tx_mb_per_second": 61,
    "nvlink_rx_mb_per_second": 60,
}
"""NVML_GPM_METRIC_{SM_UTIL, SM_OCCUPANCY, ANY_TENSOR_UTIL, DRAM_BW_UTIL, FP64_UTIL, FP32_UTIL, FP16_UTIL,
NVLINK_TOTAL_TX_PER_SEC, NVLINK_TOTAL_RX_PER_SEC}: percent from 0 to 100, and MiB/s."""

WHOLE, OVERSHOOT = 100, 1
"""So many percent points above the whole come of rounding the time between two samples; more is no reading."""
FASTEST_MEBIBYTES = 2**31 - 1
"""The maximum in the catalogue."""


def percent(value: float) -> float:
    return min(WHOLE, within(value, WHOLE + OVERSHOOT))


def mebibytes(value: float) -> int:
    return round(within(value, FASTEST_MEBIBYTES))


WORTH: Mapping[str, Callable[[float], int | float]] = {
    name: percent if name.endswith("_percent") else mebibytes for name in METRICS
}
"""What GPM's value of each metric says in the catalogue's unit; raises `Unreadable` for what cannot be true."""
