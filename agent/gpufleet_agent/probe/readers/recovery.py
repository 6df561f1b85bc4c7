"""What the driver itself asks for to heal the GPU: the cheapest sign that somebody has to act."""

from gpufleet_agent.probe.readers.device import Device, within

FIELD_RECOVERY_ACTION = 230
"""NVML_FI_DEV_GET_GPU_RECOVERY_ACTION"""
LAST_ACTION = 255
"""The maximum in the catalogue; an action that has no name there yet is told by its number."""


def recovery_action(device: Device) -> float:
    return within(device.field(FIELD_RECOVERY_ACTION), LAST_ACTION)


READERS = {"recovery_action": recovery_action}
