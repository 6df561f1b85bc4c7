"""How long power or heat has kept the clocks down since the driver was loaded.

nvmlDeviceGetViolationStatus is asked first, because its unit is documented (nvml.h, nvmlViolationTime_t: nanoseconds)
and every library has it. Where a driver no longer answers it, the field values of the same counters are read
(NVML_FI_DEV_PERF_POLICY_*, the first of which newer headers call NVML_FI_DEV_CLOCKS_EVENT_REASON_SW_POWER_CAP).
"""

from gpufleet_agent.probe.nvml_driver import CallFailed, Unreadable
from gpufleet_agent.probe.readers.device import Device, known, within, worse_known

POWER, THERMAL = 0, 1
"""NVML_PERF_POLICY_POWER, NVML_PERF_POLICY_THERMAL"""
FIELDS = {POWER: 74, THERMAL: 75}
"""NVML_FI_DEV_PERF_POLICY_POWER, NVML_FI_DEV_PERF_POLICY_THERMAL"""
NANOSECONDS = 1_000_000_000
MOST_SECONDS = 10**12
"""The maximum in the catalogue."""


def power_throttle_seconds_total(device: Device) -> float:
    return _seconds(device, POWER)


def thermal_throttle_seconds_total(device: Device) -> float:
    return _seconds(device, THERMAL)


def _seconds(device: Device, policy: int) -> float:
    return within(_nanoseconds(device, policy) / NANOSECONDS, MOST_SECONDS)


def _nanoseconds(device: Device, policy: int) -> float:
    try:
        return known(device.call("nvmlDeviceGetViolationStatus", policy).violationTime)
    except CallFailed as first:
        try:
            return device.field(FIELDS[policy])
        except Unreadable as second:
            raise worse_known(first, second) from None


READERS = {
    "power_throttle_seconds_total": power_throttle_seconds_total,
    "thermal_throttle_seconds_total": thermal_throttle_seconds_total,
}
