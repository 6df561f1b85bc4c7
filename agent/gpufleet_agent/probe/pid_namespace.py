"""Whether this process lives in the host's PID namespace: only there does "no process" from NVML mean none."""

from pathlib import Path

HOST_PID_NAMESPACE = "pid:[4026531836]"
"""The first PID namespace of every Linux kernel: PROC_PID_INIT_INO (0xEFFFFFFC) of include/linux/proc_ns.h. A process
cannot tell by NSpid or by process 1, both of which look the same in a container with a /proc of its own."""


def pid_namespace_is_host(proc: Path) -> bool:
    """Judged from the folder of this process under `proc` (usually /proc). What cannot be read counts as hidden."""
    try:
        return str((proc / "self" / "ns" / "pid").readlink()) == HOST_PID_NAMESPACE
    except OSError:
        return False
