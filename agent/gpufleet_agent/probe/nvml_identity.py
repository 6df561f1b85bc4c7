"""Who a GPU is, as NVML tells it: asked once while a GPU stays, each part failing alone."""

from gpufleet_agent.probe.nvml_driver import CallFailed
from gpufleet_agent.probe.readers.device import Device
from gpufleet_agent.readings import ERROR, GpuIdentity


def identify(device: Device, uuid: str, index: int) -> tuple[GpuIdentity, bool]:
    """The identity, and whether it is settled: a part that the GPU does not have stays None for good, one that merely
    failed is worth another question."""
    parts: dict[str, str] = {}
    settled = True
    for part, read in PARTS.items():
        try:
            parts[part] = read(device)
        except CallFailed as failed:
            settled = settled and failed.reason != ERROR
    gpu = GpuIdentity(
        uuid=uuid,
        index=index,
        name=parts.get("name") or None,
        pci_bus_id=parts.get("pci_bus_id") or None,
        serial=parts.get("serial") or None,
        vbios=parts.get("vbios") or None,
    )
    return gpu, settled


def _name(device: Device) -> str:
    return str(device.call("nvmlDeviceGetName"))


def _pci_bus_id(device: Device) -> str:
    """As nvidia-smi writes it, from the numbers: a GPU is always function 0 of its slot."""
    pci = device.call("nvmlDeviceGetPciInfo")
    return f"{pci.domain:08X}:{pci.bus:02X}:{pci.device:02X}.0"


def _serial(device: Device) -> str:
    return str(device.call("nvmlDeviceGetSerial"))


def _vbios(device: Device) -> str:
    return str(device.call("nvmlDeviceGetVbiosVersion"))


PARTS = {"name": _name, "pci_bus_id": _pci_bus_id, "serial": _serial, "vbios": _vbios}
