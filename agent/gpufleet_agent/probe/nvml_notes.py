"""What the operator reads when NVML gives no GPUs: one sentence on what is wrong, with the remedy."""

from collections.abc import Mapping

from gpufleet_agent.probe.nvml_driver import (
    DRIVER_NOT_LOADED,
    FORBIDDEN,
    LIB_RM_VERSION_MISMATCH,
    LIBRARY_NOT_FOUND,
    MODULE_MISSING,
    UNINITIALIZED,
    UNKNOWN_ERROR,
)

NOTES = {
    MODULE_MISSING: "The Python package nvidia-ml-py is not installed: install it beside gpufleet-agent with pip.",
    LIBRARY_NOT_FOUND: (
        "libnvidia-ml.so.1 was not found: install the NVIDIA driver, or in a container use the NVIDIA runtime "
        "(`--gpus all`) with NVIDIA_DRIVER_CAPABILITIES=utility."
    ),
    DRIVER_NOT_LOADED: (
        "The NVIDIA driver is not loaded: load it with `modprobe nvidia`, or install it; in a container check the host."
    ),
    LIB_RM_VERSION_MISMATCH: (
        "The NVIDIA driver was upgraded and its library and kernel module differ in version: a new probe process, "
        "started by itself, cures it once both are new; until then reload the kernel module or reboot."
    ),
    FORBIDDEN: (
        "This user may not open the NVIDIA driver: give it read and write access to /dev/nvidiactl and /dev/nvidia0, "
        "/dev/nvidia1, ..., or pass these devices to the container."
    ),
    UNINITIALIZED: "The session with the NVIDIA driver was lost: it is opened again at the next reading.",
    UNKNOWN_ERROR: (
        "NVML answers Unknown Error: in a container this follows `systemctl daemon-reload` on the host, so restart the "
        "container; elsewhere look at `dmesg | grep NVRM`."
    ),
}


def no_gpu_note() -> str:
    """NVML works and its list of GPUs is empty."""
    return (
        "The NVIDIA driver runs but lists no GPU: look for one with `lspci -d 10de:` and for its fault with "
        "`dmesg | grep NVRM`; in a container set NVIDIA_VISIBLE_DEVICES."
    )


def no_xids_note(reason: str | None) -> str | None:
    """GPUs that have XIDs and do not tell them. `reason` is the name of an `Absence.Reason`, None when all is well."""
    if reason is None:
        return None
    return f"NVML does not tell this user of XIDs ({reason}): give it /dev/kmsg to read, or see `dmesg | grep NVRM`."


def session_note(call: str, code: int) -> str:
    """Why there is no session with the driver. `call` was answered with `code`."""
    return NOTES.get(code) or f"NVML answers {call} with error {code}: look at `dmesg | grep NVRM`, or reboot the host."


def unopened_note(codes: Mapping[int, int]) -> str | None:
    """About GPUs that NVML lists and that cannot be opened or named. `codes` maps index to NVML's answer."""
    if not codes:
        return None
    indexes = ", ".join(str(index) for index in sorted(codes))
    distinct = sorted(set(codes.values()))
    if len(distinct) == 1 and distinct[0] in NOTES:
        return f"GPU {indexes} cannot be opened: {NOTES[distinct[0]]}"
    errors = ", ".join(str(code) for code in distinct)
    return f"GPU {indexes} cannot be opened (NVML error {errors}): look at `dmesg | grep NVRM` and reset the GPU."
