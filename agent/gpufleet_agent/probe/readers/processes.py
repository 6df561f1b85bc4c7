"""How many processes hold a context on the GPU."""

from gpufleet_agent.probe.nvml_driver import CallFailed, Unreadable
from gpufleet_agent.probe.readers.device import Device
from gpufleet_agent.readings import NAMESPACE, NOT_SUPPORTED

COMPUTE = ("nvmlDeviceGetComputeRunningProcesses_v3", "nvmlDeviceGetComputeRunningProcesses_v2")
GRAPHICS = ("nvmlDeviceGetGraphicsRunningProcesses_v3", "nvmlDeviceGetGraphicsRunningProcesses_v2")


def process_count(device: Device) -> int:
    """Distinct processes. In a PID namespace of its own NVML hides the others' processes, so that its 0 means nothing
    there (NVIDIA/nvidia-docker#1483)."""
    lists = [_process_ids(device, names) for names in (COMPUTE, GRAPHICS)]
    if lists == [None, None]:
        raise Unreadable(NOT_SUPPORTED)
    count = len({process_id for ids in lists if ids for process_id in ids})
    if count == 0 and not device.pid_namespace_is_host:
        raise Unreadable(NAMESPACE)
    return count


def _process_ids(device: Device, names: tuple[str, ...]) -> set[int] | None:
    """None where this GPU can hold no process of the kind. Any other failure costs the metric: half a count is none."""
    try:
        return {process.pid for process in device.first_known(*names)}
    except CallFailed as failed:
        if failed.reason != NOT_SUPPORTED:
            raise
        return None


READERS = {"process_count": process_count}
