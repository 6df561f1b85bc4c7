"""The stand-in for libnvidia-ml.so.1 as tests use it: compiled here, told what to say, and read in a process of its
own, because the loader looks for the library along a path that is fixed when a process starts."""

import json
import os
import subprocess
import sys
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Any

HERE = Path(__file__).parent
SCRIPT_VARIABLE = "GPUFLEET_FAKE_NVML"
TRACE_VARIABLE = "GPUFLEET_FAKE_NVML_TRACE"
MEBIBYTE = 1 << 20

NOT_SUPPORTED, NO_PERMISSION, DRIVER_NOT_LOADED, FUNCTION_NOT_FOUND = 3, 4, 9, 13
GPU_IS_LOST, RESET_REQUIRED, LIB_RM_VERSION_MISMATCH, ARGUMENT_VERSION_MISMATCH, UNKNOWN = 15, 16, 18, 25, 999


def compile_library(folder: Path, without: Iterable[str] = (), version: str = "") -> Path:
    """Compile the library into `folder` and return the folder. Functions named in `without` are not exported, as in an
    older library. With a `version` it works only while the script tells the same of the kernel's `module`."""
    flags = ["-O2", "-shared", "-fPIC", "-fvisibility=hidden", "-Wall", "-Wextra", "-Werror"]
    renamed = [f"-D{function}=absent_{function}" for function in without]
    if version:
        renamed.append(f'-DLIBRARY_VERSION="{version}"')
    output = folder / "libnvidia-ml.so.1"
    source = HERE / "nvml.c"
    subprocess.run(["cc", *flags, *renamed, "-Wl,-soname,libnvidia-ml.so.1", "-o", output, source], check=True)
    return folder


@dataclass(slots=True)
class FakeGpu:
    """What the script tells of one GPU: values, error codes and hangs by exported function name."""

    uuid: str
    values: dict[str, str | int] = field(default_factory=dict)
    errors: dict[str, int] = field(default_factory=dict)
    hangs: set[str] = field(default_factory=set)
    lost: bool = False
    xids: list[int] = field(default_factory=list)
    """Raised when this is told, and told on to whoever listens then."""
    instances: list["FakeGpu"] = field(default_factory=list)
    """MIG instances, which have none of their own."""

    def lines(self, kind: str = "gpu") -> list[str]:
        lines = [f"{kind} {self.uuid}"]
        lines += [f"{key} {value}" for key, value in self.values.items()]
        lines += [f"error {key} {code}" for key, code in self.errors.items()]
        lines += [f"hang {function}" for function in sorted(self.hangs)]
        lines += [f"xid {code}" for code in self.xids]
        lines += ["lost"] if self.lost else []
        return lines + [line for instance in self.instances for line in instance.lines("mig")]


@dataclass(slots=True)
class FakeDriver:
    """The whole script. `values`, `errors` and `hangs` are those of functions that concern no GPU."""

    gpus: list[FakeGpu] = field(default_factory=list)
    values: dict[str, str | int] = field(
        default_factory=lambda: {
            "nvmlSystemGetDriverVersion": "570.86.15",
            "nvmlSystemGetNVMLVersion": "12.570.86.15",
        }
    )
    errors: dict[str, int] = field(default_factory=dict)
    hangs: set[str] = field(default_factory=set)

    def text(self) -> str:
        lines = [f"{key} {value}" for key, value in self.values.items()]
        lines += [f"error {key} {code}" for key, code in self.errors.items()]
        lines += [f"hang {function}" for function in sorted(self.hangs)]
        for gpu in self.gpus:
            lines += gpu.lines()
        return "\n".join(lines) + "\n"


def uuid_of(number: int) -> str:
    return f"GPU-{number:08d}-aaaa-bbbb-cccc-dddddddddddd"


def whole_gpu(number: int) -> FakeGpu:
    """A data-centre GPU that answers everything, with values that no other number has."""
    return FakeGpu(
        uuid=uuid_of(number),
        values={
            "nvmlDeviceGetName": "NVIDIA H100 80GB HBM3",
            "nvmlDeviceGetSerial": 1650000000000 + number,
            "nvmlDeviceGetVbiosVersion": "96.00.74.00.01",
            "nvmlDeviceGetPciInfo_v3": f"00000000:{number + 1:02X}:00.0",
            "nvmlDeviceGetTemperatureV": 30 + number,
            "nvmlDeviceGetTemperature": 130 + number,
            "nvmlDeviceGetFieldValues[82]": 70 + number,
            "nvmlDeviceGetFanSpeed": 40 + number,
            "nvmlDeviceGetPowerUsage": 300_250 + number,
            "nvmlDeviceGetPowerManagementLimit": 700_000 + number,
            "nvmlDeviceGetEnforcedPowerLimit": 650_000 + number,
            "nvmlDeviceGetTotalEnergyConsumption": 5_000_000_000_123 + number,
            "nvmlDeviceGetMemoryInfo_v2.total": (81559 + number) * MEBIBYTE,
            "nvmlDeviceGetMemoryInfo_v2.used": (1000 + number) * MEBIBYTE,
            "nvmlDeviceGetMemoryInfo_v2.reserved": (500 + number) * MEBIBYTE,
            "nvmlDeviceGetMemoryInfo.total": (81559 + number) * MEBIBYTE,
            "nvmlDeviceGetMemoryInfo.used": (1500 + 2 * number) * MEBIBYTE,
            "nvmlDeviceGetUtilizationRates.gpu": number % 100,
            "nvmlDeviceGetUtilizationRates.memory": (number + 50) % 100,
            "nvmlDeviceGetEncoderUtilization": (number + 20) % 100,
            "nvmlDeviceGetDecoderUtilization": (number + 30) % 100,
            "nvmlDeviceGetClockInfo[1]": 1500 + number,
            "nvmlDeviceGetClockInfo[2]": 2500 + number,
            "nvmlDeviceGetPerformanceState": number % 16,
            "nvmlDeviceGetCurrentClocksEventReasons": 4,
            "nvmlDeviceGetCurrentClocksThrottleReasons": 8,
            "nvmlDeviceGetComputeRunningProcesses_v3": f"{1000 + number} {2000 + number}",
            "nvmlDeviceGetGraphicsRunningProcesses_v3": f"{1000 + number} 3000 3001",
            "nvmlDeviceGetComputeRunningProcesses_v2": f"{1000 + number}",
            "nvmlDeviceGetGraphicsRunningProcesses_v2": "",
        },
    )


SLOW_VALUES: Mapping[str, int] = {
    "nvmlDeviceGetPcieThroughput[0]": 1_250_000,
    "nvmlDeviceGetPcieThroughput[1]": 2_499_600,
    "nvmlDeviceGetCurrPcieLinkGeneration": 5,
    "nvmlDeviceGetCurrPcieLinkWidth": 16,
    "nvmlDeviceGetPcieReplayCounter": 7,
    "nvmlDeviceGetTotalEccErrors[0]": 5_000_000_000,
    "nvmlDeviceGetTotalEccErrors[1]": 2,
    "nvmlDeviceGetRemappedRows.corrected": 3,
    "nvmlDeviceGetRemappedRows.uncorrected": 1,
    "nvmlDeviceGetRemappedRows.pending": 1,
    "nvmlDeviceGetRemappedRows.failed": 0,
    "nvmlDeviceGetFieldValues[91]": 2,
    **{f"nvmlDeviceGetFieldValues[{field}]": 1 for field in (161, 162, 163)},
    **{f"nvmlDeviceGetFieldValues[{field}.1]": 10 for field in (161, 162, 163)},
    "nvmlDeviceGetViolationStatus[0]": 12_500_000_000,
    "nvmlDeviceGetViolationStatus[1]": 1_500_000,
    "nvmlDeviceGetFieldValues[230]": 0,
}
"""What a Hopper GPU with two NVLinks tells of the slow tier."""

GPM_METRICS = (2, 3, 5, 10, 11, 12, 13, 20, 21, 60, 61)


def gpm_counters(thousandths: int) -> dict[str, str | int]:
    """Every activity counter at so many thousandths of its unit."""
    return {f"nvmlGpmSampleGet[{metric}]": thousandths for metric in GPM_METRICS}


def full_gpu(number: int) -> FakeGpu:
    """A Hopper GPU with all tiers."""
    gpu = whole_gpu(number)
    gpu.values |= {**SLOW_VALUES, "nvmlGpmQueryDeviceSupport": 1, **gpm_counters(0)}
    return gpu


def full_driver(count: int) -> FakeDriver:
    return FakeDriver(gpus=[full_gpu(number) for number in range(count)])


def mig_instance(parent: int, number: int, profile: str = "1g.10gb", compute: int = 0) -> FakeGpu:
    """The GPU instance `number` of a GPU, as its compute instance `compute` shows it."""
    return FakeGpu(
        uuid=f"MIG-{parent:04d}{number:02d}{compute:02d}-aaaa-bbbb-cccc-dddddddddddd",
        values={
            "nvmlDeviceGetName": f"NVIDIA H100 80GB HBM3 MIG {profile}",
            "nvmlDeviceGetGpuInstanceId": number,
            "nvmlDeviceGetComputeInstanceId": compute,
            "nvmlDeviceGetMemoryInfo_v2.total": 9856 * MEBIBYTE,
            "nvmlDeviceGetMemoryInfo_v2.used": (100 * parent + number) * MEBIBYTE,
            "nvmlDeviceGetMemoryInfo_v2.reserved": 12 * MEBIBYTE,
            "nvmlDeviceGetComputeRunningProcesses_v3": f"{4000 + number}",
            "nvmlDeviceGetGraphicsRunningProcesses_v3": "",
            **gpm_counters(0),
        },
    )


def split_gpu(number: int, *instances: FakeGpu) -> FakeGpu:
    """A GPU in MIG mode, which then tells no utilization and no activity of its own."""
    gpu = full_gpu(number)
    gpu.values["nvmlDeviceGetMigMode"] = 1
    gpu.errors = {
        "nvmlDeviceGetUtilizationRates": NOT_SUPPORTED,
        "nvmlDeviceGetEncoderUtilization": NOT_SUPPORTED,
        "nvmlDeviceGetDecoderUtilization": NOT_SUPPORTED,
        "nvmlGpmSampleGet": NOT_SUPPORTED,
    }
    gpu.instances = list(instances)
    return gpu


def whole_driver(count: int) -> FakeDriver:
    return FakeDriver(gpus=[whole_gpu(number) for number in range(count)])


def environment(script: Path, library: Path | None) -> dict[str, str]:
    """The environment of a process that is to find the stand-in in the folder `library`, and no library when None."""
    return {**os.environ, SCRIPT_VARIABLE: str(script), "LD_LIBRARY_PATH": str(library) if library else ""}


class NvmlProcess:
    """A process with the NVML backend in it, over the stand-in, and the script that it obeys.

    `library` None leaves the loader without any library.
    """

    def __init__(self, script: Path, library: Path | None, *, options: Sequence[str] = ()) -> None:
        self._script = script
        self._environment = environment(script, library)
        self._command = [sys.executable, str(HERE / "read_gpus.py"), *options]
        self._process: subprocess.Popen[str] | None = None

    def __enter__(self) -> "NvmlProcess":
        self._process = subprocess.Popen(
            self._command, env=self._environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        process = self._running
        process.kill()
        process.communicate()

    @property
    def _running(self) -> subprocess.Popen[str]:
        assert self._process is not None, "enter the context first"
        return self._process

    def tell(self, driver: FakeDriver) -> None:
        """Change what the library says, at once and as a whole."""
        self.tell_text(driver.text())

    def tell_text(self, text: str) -> None:
        fresh = self._script.with_suffix(".new")
        fresh.write_text(text)
        fresh.replace(self._script)

    def read(self) -> dict[str, Any]:
        """One reading of the backend, its dataclasses as dictionaries."""
        self.send("read")
        return self.receive()

    def send(self, command: str) -> None:
        assert self._running.stdin is not None
        self._running.stdin.write(command + "\n")
        self._running.stdin.flush()

    def receive(self) -> dict[str, Any]:
        assert self._running.stdout is not None
        line = self._running.stdout.readline()
        assert line, "the process with the backend has ended"
        answer: dict[str, Any] = json.loads(line)
        return answer

    def ask(self, command: str) -> dict[str, Any]:
        self.send(command)
        return self.receive()


def by_uuid(reading: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
    """The GPUs of a reading by their UUID; fails on a UUID that is there twice."""
    gpus = {gpu["gpu"]["uuid"]: gpu for gpu in reading["gpus"]}
    assert len(gpus) == len(reading["gpus"])
    return gpus
