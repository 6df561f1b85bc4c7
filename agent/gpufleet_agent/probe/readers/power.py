"""What the board draws, may draw, and has drawn. NVML speaks of milliwatts and millijoules."""

from gpufleet_agent.probe.nvml_driver import CallFailed
from gpufleet_agent.probe.readers.device import Device, known, worse_known

MILLI = 1000


def power_watts(device: Device) -> float:
    return known(device.call("nvmlDeviceGetPowerUsage")) / MILLI


def power_limit_watts(device: Device) -> float:
    """The limit set for the board, or where it cannot be read, the lowest of all limits, which is in force."""
    try:
        return known(device.call("nvmlDeviceGetPowerManagementLimit")) / MILLI
    except CallFailed as first:
        try:
            return known(device.call("nvmlDeviceGetEnforcedPowerLimit")) / MILLI
        except CallFailed as second:
            raise worse_known(first, second) from None


def energy_joules_total(device: Device) -> float:
    return known(device.call("nvmlDeviceGetTotalEnergyConsumption")) / MILLI


READERS = {
    "power_watts": power_watts,
    "power_limit_watts": power_limit_watts,
    "energy_joules_total": energy_joules_total,
}
