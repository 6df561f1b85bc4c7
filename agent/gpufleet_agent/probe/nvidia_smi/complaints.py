"""What nvidia-smi says when it cannot answer, as one sentence with a remedy for the operator."""

import re
from dataclasses import dataclass

from gpufleet_agent.probe.nvidia_smi.values import GPU_LOST, sentinel_reason
from gpufleet_agent.readings import DRIVER_MISMATCH, LOST, UNKNOWN

MAX_QUOTED = 200
"""Of what nvidia-smi printed at most this many characters are repeated."""

IN_A_CONTAINER = "in a container, check that it was started with GPUs (--gpus all, or the NVIDIA runtime)"


@dataclass(frozen=True, slots=True)
class Complaint:
    """Why there is no answer. `state` is that of the GPUs seen before, when it says something about them."""

    note: str
    state: str | None = None


NO_DEVICES = Complaint(f"nvidia-smi finds no GPU: look for it with lspci; {IN_A_CONTAINER}.")
NOT_LOADED = Complaint(
    "nvidia-smi couldn't communicate with the NVIDIA driver: install it, load it (modprobe nvidia) or, after a kernel "
    "update, build it anew and reboot."
)
MISMATCH = Complaint(
    "The NVIDIA driver and its library are of different versions (Driver/library version mismatch): reload the kernel "
    "module (nvidia) or reboot the host; a container must be started again.",
    DRIVER_MISMATCH,
)
NO_LIBRARY = Complaint(
    "nvidia-smi couldn't find libnvidia-ml.so: install the driver's libraries; in a container, give it the driver "
    "capability utility."
)
NO_PERMISSION = Complaint(
    "nvidia-smi may not read the GPUs (Insufficient Permissions): give this user access to /dev/nvidiactl and "
    "/dev/nvidia*."
)
ACCESS_LOST = Complaint(
    "nvidia-smi could not start NVML (Unknown Error): restart the container when this is one (it lost its devices), "
    "else look for Xid lines in the kernel log.",
    UNKNOWN,
)

_BY_TEXT = (
    ("driver/library version mismatch", MISMATCH),
    ("no devices were found", NO_DEVICES),
    ("no devices found", NO_DEVICES),
    ("communicate with the nvidia driver", NOT_LOADED),
    ("driver not loaded", NOT_LOADED),
    ("nvml library not found", NO_LIBRARY),
    ("couldn't find libnvidia-ml", NO_LIBRARY),
    ("failed to initialize nvml: unknown error", ACCESS_LOST),
    ("insufficient permissions", NO_PERMISSION),
)
_BY_EXIT_CODE = {4: NO_PERMISSION, 6: NO_DEVICES, 9: NOT_LOADED, 12: NO_LIBRARY, 18: MISMATCH}
"""The return values of the manual page of nvidia-smi; 18 is NVML's own number, passed on."""

_NO_HANDLE = re.compile(r"Unable to determine the device handle for GPU ?([0-9A-Fa-f:.]{5,20}): ?(.{0,200})")


def complaint(exit_code: int, stdout: str, stderr: str) -> Complaint:
    """Why nvidia-smi gave no row."""
    said = f"{stdout}\n{stderr}".lower()
    for text, known in _BY_TEXT:
        if text in said:
            return known
    if exit_code in _BY_EXIT_CODE:
        return _BY_EXIT_CODE[exit_code]
    if not said.strip() and exit_code == 0:
        return Complaint("nvidia-smi answered nothing: run it by hand to see whether the driver works.")
    return Complaint(f"nvidia-smi failed ({ending(exit_code)}){quoted(stdout, stderr)}: run it by hand to see more.")


def ending(exit_code: int) -> str:
    """`exit status 255`, or `killed by signal 11` for a negative one."""
    return f"killed by signal {-exit_code}" if exit_code < 0 else f"exit status {exit_code}"


def quoted(*outputs: str) -> str:
    """The first line that was printed, short and printable, as `: "..."`; empty when there is none."""
    for line in "\n".join(outputs).split("\n"):
        clean = "".join(character for character in line if character.isprintable()).strip()
        if clean:
            return f': "{clean[:MAX_QUOTED]}"'
    return ""


@dataclass(frozen=True, slots=True)
class DeadGpu:
    """A GPU that nvidia-smi names by its PCI address and cannot open."""

    bus_id: str
    state: str
    said: str


def dead_gpu(line: str) -> DeadGpu | None:
    """The GPU that `line` complains about, or None. nvidia-smi prints such a line in place of the GPU's row."""
    match = _NO_HANDLE.search(line)
    if match is None:
        return None
    said = match.group(2).strip()
    lost = sentinel_reason(said.split(".")[0]) == GPU_LOST
    return DeadGpu(bus_key(match.group(1)), LOST if lost else UNKNOWN, said)


def bus_key(bus_id: str) -> str:
    """A PCI address without what differs between tools: zeros before the domain, upper and lower case."""
    return bus_id.upper().lstrip("0:") or bus_id
