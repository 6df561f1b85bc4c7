"""How hot the GPU and its memory are, and how hard it blows."""

from gpufleet_agent.probe.readers.device import Device, known, within

SENSOR_GPU = 0
"""NVML_TEMPERATURE_GPU"""
FIELD_MEMORY_TEMPERATURE = 82
"""NVML_FI_DEV_MEMORY_TEMP"""
HOTTEST_CELSIUS = 250
FASTEST_FAN_PERCENT = 250
"""nvml.h: the speed wanted may exceed 100 % on some boards."""


def temperature_celsius(device: Device) -> float:
    celsius = device.first_known("nvmlDeviceGetTemperatureV", "nvmlDeviceGetTemperature", arguments=(SENSOR_GPU,))
    return within(known(celsius), HOTTEST_CELSIUS)


def memory_temperature_celsius(device: Device) -> float:
    return within(device.field(FIELD_MEMORY_TEMPERATURE), HOTTEST_CELSIUS)


def fan_speed_percent(device: Device) -> float:
    return within(known(device.call("nvmlDeviceGetFanSpeed")), FASTEST_FAN_PERCENT)


READERS = {
    "temperature_celsius": temperature_celsius,
    "memory_temperature_celsius": memory_temperature_celsius,
    "fan_speed_percent": fan_speed_percent,
}
