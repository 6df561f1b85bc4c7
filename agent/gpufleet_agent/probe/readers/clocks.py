"""How fast the GPU runs, and what keeps it from running faster."""

from gpufleet_agent.probe.nvml_driver import Unreadable
from gpufleet_agent.probe.readers.device import Device, known, within
from gpufleet_agent.readings import NOT_SUPPORTED

CLOCK_SM, CLOCK_MEMORY = 1, 2
"""NVML_CLOCK_SM, NVML_CLOCK_MEM"""
FASTEST_MHZ = 32767
SLOWEST_STATE = 15
STATE_UNKNOWN = 32
"""NVML_PSTATE_UNKNOWN"""
ALL_REASONS = 0xFFFFFFFF
"""Older drivers set the highest of 64 bits for "unknown" (nvmlClocksThrottleReasonUnknown)."""


def sm_clock_mhz(device: Device) -> float:
    return within(known(device.call("nvmlDeviceGetClockInfo", CLOCK_SM)), FASTEST_MHZ)


def memory_clock_mhz(device: Device) -> float:
    return within(known(device.call("nvmlDeviceGetClockInfo", CLOCK_MEMORY)), FASTEST_MHZ)


def performance_state(device: Device) -> float:
    state = device.call("nvmlDeviceGetPerformanceState")
    if state == STATE_UNKNOWN:
        raise Unreadable(NOT_SUPPORTED)
    return within(state, SLOWEST_STATE)


def throttle_reasons(device: Device) -> float:
    reasons = device.first_known("nvmlDeviceGetCurrentClocksEventReasons", "nvmlDeviceGetCurrentClocksThrottleReasons")
    return within(reasons, ALL_REASONS)


READERS = {
    "sm_clock_mhz": sm_clock_mhz,
    "memory_clock_mhz": memory_clock_mhz,
    "performance_state": performance_state,
    "throttle_reasons": throttle_reasons,
}
