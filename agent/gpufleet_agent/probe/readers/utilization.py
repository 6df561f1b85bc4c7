"""How busy the GPU, its memory and its video engines were over the driver's last sampling period, in percent."""

from gpufleet_agent.probe.readers.device import Device, within

WHOLE = 100
"""Drivers have been seen to answer with thousands of percent; that is no reading (Syllo/nvtop#110)."""


def gpu_utilization_percent(device: Device) -> float:
    return within(device.call("nvmlDeviceGetUtilizationRates").gpu, WHOLE)


def memory_utilization_percent(device: Device) -> float:
    return within(device.call("nvmlDeviceGetUtilizationRates").memory, WHOLE)


def encoder_utilization_percent(device: Device) -> float:
    percent, _sampling_period = device.call("nvmlDeviceGetEncoderUtilization")
    return within(percent, WHOLE)


def decoder_utilization_percent(device: Device) -> float:
    percent, _sampling_period = device.call("nvmlDeviceGetDecoderUtilization")
    return within(percent, WHOLE)


READERS = {
    "gpu_utilization_percent": gpu_utilization_percent,
    "memory_utilization_percent": memory_utilization_percent,
    "encoder_utilization_percent": encoder_utilization_percent,
    "decoder_utilization_percent": decoder_utilization_percent,
}
