"""Which backends read GPUs here, and why metrics are absent."""

from collections import defaultdict
from collections.abc import Iterable, Mapping

from gpufleet_agent.doctor.finding import Finding, fail, ok, warn
from gpufleet_agent.one_reading import Taken
from gpufleet_agent.readings import Reading

REAL_BACKENDS = ("nvml", "nvidia-smi")
"""In the order in which `auto` tries them."""

_SIMULATE = "without a GPU, look around with: gpufleet-agent run --backend simulated"

_REASONS = {
    "NOT_SUPPORTED": ("the GPU or its driver does not offer it", None),
    "BACKEND": ("this backend, driver or library does not know it", None),
    "MIG": ("not offered while MIG is on", None),
    "NO_PERMISSION": ("this user may not read it", "run the agent as a user who may, or allow it in the driver"),
    "NAMESPACE": ("another PID namespace hides it", "share the host's PID namespace (--pid=host, hostPID: true)"),
    "LOST": ("the GPU does not answer any more", "see the kernel log for Xid lines; reset the GPU or reboot"),
    "HUNG": ("the driver call does not return", "see the kernel log for Xid lines; reset the GPU or reboot"),
    "SUSPENDED": ("the GPU sleeps", None),
    "ERROR": ("the driver answered with an error", "see the kernel log for NVRM lines"),
}


def backend_findings(taken: Mapping[str, Taken]) -> list[Finding]:
    """One finding per backend; a backend that fails is only a warning where another one works."""
    works = any(_gpus(one) for one in taken.values())
    findings = [_backend(name, one, works=works) for name, one in taken.items()]
    if not works:
        findings.append(fail("no backend reads a GPU", _SIMULATE))
    return findings


def _backend(name: str, taken: Taken, *, works: bool) -> Finding:
    reading = taken.reading
    if reading is not None and reading.gpus:
        text = f"{name} reads {_count(len(reading.gpus), 'GPU')}{_versions(reading)}"
        states = sorted({f"{gpu.state} ({_label(gpu.gpu.index)})" for gpu in reading.gpus if gpu.state != "ok"})
        if states or reading.note:
            return warn(f"{text}; not well: {', '.join(states) or 'see below'}", reading.note or "see the kernel log")
        return ok(text)
    reason = taken.problem or (reading.note if reading is not None else None) or "it lists no GPU"
    return (warn if works else fail)(f"{name} reads no GPU", reason)


def _label(index: int | None) -> str:
    return "GPU" if index is None else f"GPU {index}"


def _versions(reading: Reading) -> str:
    told = (("driver", reading.driver_version), ("NVML", reading.nvml_version))
    versions = ", ".join(f"{what} {version}" for what, version in told if version)
    return f" ({versions})" if versions else ""


def absences(taken: Mapping[str, Taken]) -> list[Finding]:
    """Why metrics are absent with the first backend that reads GPUs, grouped by reason."""
    for name, one in taken.items():
        if one.reading is not None and one.reading.gpus:
            return list(_absences(name, one.reading))
    return []


def _absences(name: str, reading: Reading) -> Iterable[Finding]:
    counts: dict[str, dict[str, int]] = defaultdict(lambda: defaultdict(int))
    for gpu in reading.gpus:
        for metric, reason in gpu.absent.items():
            counts[reason][metric] += 1
    for reason, metrics in sorted(counts.items()):
        meaning, remedy = _REASONS.get(reason, ("", None))
        listed = ", ".join(f"{metric} ({count} of {len(reading.gpus)})" for metric, count in sorted(metrics.items()))
        text = f"{name}: absent with {reason} ({meaning}): {listed}"
        yield ok(text) if remedy is None else warn(text, remedy)


def _gpus(taken: Taken) -> int:
    return 0 if taken.reading is None else len(taken.reading.gpus)


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"
