"""What this host offers for reading GPUs: the command, the kernel module, the device nodes, the namespaces."""

import os
import re
import shutil
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

from gpufleet_agent.doctor.finding import Finding, fail, ok, warn
from gpufleet_agent.probe.pid_namespace import pid_namespace_is_host

_CONTAINER_FILES = (".dockerenv", "run/.containerenv")
_DEVICE = re.compile(r"nvidia(?:ctl|[0-9]+)")
_WSL_DEVICE = "dev/dxg"
_WSL_COMMAND = "usr/lib/wsl/lib/nvidia-smi"


def _may_open(node: Path) -> bool:
    return os.access(node, os.R_OK | os.W_OK)


def host_findings(
    root: Path, environ: Mapping[str, str], nvidia_smi: str, may_open: Callable[[Path], bool] = _may_open
) -> list[Finding]:
    """All of it, below `root` (which is / but for tests)."""
    return [
        _command(root, environ, nvidia_smi),
        _kernel_module(root),
        *_device_nodes(root, may_open),
        _pid_namespace(root),
        *_container(root, environ),
    ]


def _command(root: Path, environ: Mapping[str, str], nvidia_smi: str) -> Finding:
    path = shutil.which(nvidia_smi, path=environ.get("PATH", os.defpath))
    if path is None and nvidia_smi == "nvidia-smi" and (root / _WSL_COMMAND).exists():
        path = f"/{_WSL_COMMAND}"
    if path is None:
        return warn(f"{nvidia_smi} not found", "install the driver's tools, or name the command: GPUFLEET_NVIDIA_SMI")
    return ok(f"nvidia-smi is {path}")


def _kernel_module(root: Path) -> Finding:
    if (root / _WSL_DEVICE).exists():
        return ok("the driver is that of Windows (WSL)")
    try:
        first = (root / "proc/driver/nvidia/version").read_text(errors="replace").partition("\n")[0]
    except OSError:
        remedy = "install the NVIDIA driver and load it (modprobe nvidia); a container needs it on its host"
        return fail("the kernel module nvidia is not loaded", remedy)
    return ok(f"kernel module: {first.removeprefix('NVRM version:').strip()[:200]}")


def _device_nodes(root: Path, may_open: Callable[[Path], bool]) -> Iterator[Finding]:
    if (root / _WSL_DEVICE).exists():
        return
    try:
        nodes = sorted(node for node in (root / "dev").iterdir() if _DEVICE.fullmatch(node.name))
    except OSError:
        nodes = []
    if not nodes:
        yield fail("no device node /dev/nvidia*", "run nvidia-smi once as root, or start the container with --gpus all")
        return
    closed = [node.name for node in nodes if not may_open(node)]
    if closed:
        remedy = "add it to the group that owns them (ls -l /dev/nvidia*), or pass the devices to the container"
        yield fail(f"this user may not open /dev/{', /dev/'.join(closed)}", remedy)
    else:
        yield ok(f"device nodes: {', '.join(node.name for node in nodes)}")


def _pid_namespace(root: Path) -> Finding:
    if pid_namespace_is_host(root / "proc"):
        return ok("the host's PID namespace is visible")
    return warn(
        "the host's PID namespace is hidden: process_count is absent where NVML says 0",
        "to see processes, share the host's (docker run --pid=host, hostPID: true)",
    )


def _container(root: Path, environ: Mapping[str, str]) -> Iterator[Finding]:
    inside = "KUBERNETES_SERVICE_HOST" in environ or any((root / name).exists() for name in _CONTAINER_FILES)
    if not inside:
        return
    devices, capabilities = environ.get("NVIDIA_VISIBLE_DEVICES"), environ.get("NVIDIA_DRIVER_CAPABILITIES")
    if devices in (None, "", "void", "none"):
        yield warn(
            "a container without NVIDIA_VISIBLE_DEVICES", "set NVIDIA_VISIBLE_DEVICES=all, or run with --gpus all"
        )
    else:
        yield ok(f"a container with NVIDIA_VISIBLE_DEVICES={devices[:200]}")
    if capabilities and not {"utility", "all"} & set(capabilities.split(",")):
        yield warn(
            f"NVIDIA_DRIVER_CAPABILITIES={capabilities[:200]} leaves NVML and nvidia-smi out",
            "add utility: NVIDIA_DRIVER_CAPABILITIES=utility",
        )
