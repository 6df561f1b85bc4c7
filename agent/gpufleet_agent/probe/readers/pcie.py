"""The link to the host: how much it carries, how fast it is now, and how often it had to say something twice.

The throughput calls measure for 20 ms each, and block meanwhile (nvml.h: nvmlDeviceGetPcieThroughput). NVML speaks of
kilobytes a second.
"""

from gpufleet_agent.probe.readers.device import Device, known, within

TRANSMITTED, RECEIVED = 0, 1
"""NVML_PCIE_UTIL_TX_BYTES, NVML_PCIE_UTIL_RX_BYTES"""
KILOBYTES = 1000
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


READERS = {
    "pcie_tx_mb_per_second": pcie_tx_mb_per_second,
    "pcie_rx_mb_per_second": pcie_rx_mb_per_second,
    "pcie_link_generation": pcie_link_generation,
    "pcie_link_width": pcie_link_width,
    "pcie_replay_total": pcie_replay_total,
}
