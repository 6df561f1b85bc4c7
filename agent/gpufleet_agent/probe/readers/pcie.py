"""The link to the host: how much it carries, how fast it is now, and how often it had to say something twice.

The throughput calls measure for 20 ms each, and block meanwhile (nvml.h: nvmlDeviceGetPcieThroughput); they speak of
kilobytes a second. Where the GPU has activity counters (GPM), these tell the traffic instead: see `probe.gpm`. They
speak of MiB/s, headers of packets included: on an H200 7 % more than a program copied, and a header is 20 bytes to 256.
"""

from collections.abc import Callable, Mapping

from gpufleet_agent.probe.readers.device import Device, known, within

TRANSMITTED, RECEIVED = 0, 1
"""NVML_PCIE_UTIL_TX_BYTES, NVML_PCIE_UTIL_RX_BYTES"""
KILOBYTES = 1000
MEBIBYTE_IN_MEGABYTES = 1.048576
FASTEST_MEGABYTES = 2**31 - 1
"""The maximum in the catalogue."""
NEWEST_GENERATION = 100
WIDEST_LANES = 256


def pcie_tx_mb_per_second(device: Device) -> int:
    return _megabytes(device, TRANSMITTED)


def pcie_rx_mb_per_second(device: Device) -> int:
    return _megabytes(device, RECEIVED)


def pcie_link_generation(device: Device) -> float:
    return within(known(device.call("nvmlDeviceGetCurrPcieLinkGeneration")), NEWEST_GENERATION)


def pcie_link_width(device: Device) -> float:
    return within(known(device.call("nvmlDeviceGetCurrPcieLinkWidth")), WIDEST_LANES)


def pcie_replay_total(device: Device) -> int:
    return known(device.call("nvmlDeviceGetPcieReplayCounter"))


def _megabytes(device: Device, direction: int) -> int:
    return round(known(device.call("nvmlDeviceGetPcieThroughput", direction)) / KILOBYTES)


def counted_megabytes(mebibytes: float) -> int:
    """What GPM counted, in the catalogue's unit."""
    return round(within(mebibytes * MEBIBYTE_IN_MEGABYTES, FASTEST_MEGABYTES))


TRAFFIC = {
    "pcie_tx_mb_per_second": pcie_tx_mb_per_second,
    "pcie_rx_mb_per_second": pcie_rx_mb_per_second,
}
"""Not read where GPM tells it."""

GPM_METRICS: Mapping[str, int] = {"pcie_tx_mb_per_second": 20, "pcie_rx_mb_per_second": 21}
"""NVML_GPM_METRIC_PCIE_{TX,RX}_PER_SEC, from and to the GPU as in the throughput calls."""
GPM_WORTH: Mapping[str, Callable[[float], int | float]] = dict.fromkeys(GPM_METRICS, counted_megabytes)

READERS = {
    **TRAFFIC,
    "pcie_link_generation": pcie_link_generation,
    "pcie_link_width": pcie_link_width,
    "pcie_replay_total": pcie_replay_total,
}
