"""Every function of NVML that the agent calls, by its exported name, and how a call of each comes about: so that tests
can hang any of them, and one that is new is missed nowhere."""

import re
from collections.abc import Collection
from dataclasses import dataclass, field

from fakes.nvml.library import FUNCTION_NOT_FOUND, NOT_SUPPORTED, FakeDriver, FakeGpu, full_gpu, mig_instance, split_gpu

SICK = "GPU 1"
"""On which a call hangs that is made on a GPU."""
XIDS = 8


@dataclass(frozen=True, slots=True)
class NvmlCall:
    """`gpu` is what a hang of it is to name; `without` are the errors of functions that are asked before it is."""

    function: str
    gpu: str = SICK
    without: dict[str, int] = field(default_factory=dict)
    as_a_gpu_goes: bool = False
    """Made while another GPU is lost, and else at the end of a session only."""
    opening: bool = False
    """Has the long deadline, as it may set up a GPU."""

    def driver(self, *, hangs: bool, lost: bool = False) -> FakeDriver:
        """Three GPUs, the middle one split, and this call hanging on that one, or in the driver as a whole."""
        driver = every_kind_of_gpu(self.without)
        if hangs and self.gpu:
            for device in devices_of(driver.gpus[1]):
                device.hangs = {self.function}
        elif hangs:
            driver.hangs = {self.function}
        driver.gpus[2].lost = lost
        return driver


def devices_of(gpu: FakeGpu) -> list[FakeGpu]:
    """The GPU and its instances."""
    return [gpu, *gpu.instances]


def every_kind_of_gpu(errors: dict[str, int] | None = None) -> FakeDriver:
    """Two GPUs that answer everything, and between them a split one."""
    gpus = [full_gpu(0), split_gpu(1, mig_instance(1, 1), mig_instance(1, 2)), full_gpu(2)]
    for device in (device for gpu in gpus for device in devices_of(gpu)):
        device.values["nvmlDeviceGetSupportedEventTypes"] = XIDS
        device.errors |= errors or {}
    return FakeDriver(gpus=gpus)


def _older(function: str, newer: str) -> NvmlCall:
    return NvmlCall(function, without={newer: FUNCTION_NOT_FOUND})


CALLS: tuple[NvmlCall, ...] = (
    NvmlCall("nvmlInitWithFlags", "", opening=True),
    NvmlCall("nvmlDeviceGetHandleByIndex_v2", opening=True),
    NvmlCall("nvmlShutdown", ""),
    NvmlCall("nvmlSystemGetDriverVersion", ""),
    NvmlCall("nvmlSystemGetNVMLVersion", ""),
    NvmlCall("nvmlDeviceGetCount_v2", ""),
    NvmlCall("nvmlDeviceGetHandleByPciBusId_v2"),
    NvmlCall("nvmlDeviceGetUUID"),
    NvmlCall("nvmlDeviceGetName"),
    NvmlCall("nvmlDeviceGetSerial"),
    NvmlCall("nvmlDeviceGetVbiosVersion"),
    NvmlCall("nvmlDeviceGetPciInfo_v3"),
    NvmlCall("nvmlDeviceGetTemperatureV"),
    _older("nvmlDeviceGetTemperature", "nvmlDeviceGetTemperatureV"),
    NvmlCall("nvmlDeviceGetFieldValues"),
    NvmlCall("nvmlDeviceGetFanSpeed"),
    NvmlCall("nvmlDeviceGetPowerUsage"),
    NvmlCall("nvmlDeviceGetPowerManagementLimit"),
    NvmlCall("nvmlDeviceGetEnforcedPowerLimit", without={"nvmlDeviceGetPowerManagementLimit": NOT_SUPPORTED}),
    NvmlCall("nvmlDeviceGetTotalEnergyConsumption"),
    NvmlCall("nvmlDeviceGetMemoryInfo_v2"),
    _older("nvmlDeviceGetMemoryInfo", "nvmlDeviceGetMemoryInfo_v2"),
    NvmlCall("nvmlDeviceGetUtilizationRates"),
    NvmlCall("nvmlDeviceGetEncoderUtilization"),
    NvmlCall("nvmlDeviceGetDecoderUtilization"),
    NvmlCall("nvmlDeviceGetClockInfo"),
    NvmlCall("nvmlDeviceGetPerformanceState"),
    NvmlCall("nvmlDeviceGetCurrentClocksEventReasons"),
    _older("nvmlDeviceGetCurrentClocksThrottleReasons", "nvmlDeviceGetCurrentClocksEventReasons"),
    NvmlCall("nvmlDeviceGetComputeRunningProcesses_v3"),
    _older("nvmlDeviceGetComputeRunningProcesses_v2", "nvmlDeviceGetComputeRunningProcesses_v3"),
    NvmlCall("nvmlDeviceGetGraphicsRunningProcesses_v3"),
    _older("nvmlDeviceGetGraphicsRunningProcesses_v2", "nvmlDeviceGetGraphicsRunningProcesses_v3"),
    NvmlCall("nvmlDeviceGetProcessUtilization"),
    NvmlCall("nvmlEventSetCreate", ""),
    NvmlCall("nvmlEventSetWait_v2", ""),
    NvmlCall("nvmlEventSetFree", "", as_a_gpu_goes=True),
    NvmlCall("nvmlDeviceGetSupportedEventTypes"),
    NvmlCall("nvmlDeviceRegisterEvents"),
    NvmlCall("nvmlGpmQueryDeviceSupport"),
    NvmlCall("nvmlGpmSampleAlloc", ""),
    NvmlCall("nvmlGpmSampleFree", "", as_a_gpu_goes=True),
    NvmlCall("nvmlGpmSampleGet"),
    NvmlCall("nvmlGpmMigSampleGet"),
    NvmlCall("nvmlGpmMetricsGet"),
    NvmlCall("nvmlDeviceGetMigMode"),
    NvmlCall("nvmlDeviceGetMaxMigDeviceCount"),
    NvmlCall("nvmlDeviceGetMigDeviceHandleByIndex"),
    NvmlCall("nvmlDeviceGetGpuInstanceId"),
    NvmlCall("nvmlDeviceGetComputeInstanceId"),
    NvmlCall("nvmlDeviceGetPcieThroughput"),
    NvmlCall("nvmlDeviceGetCurrPcieLinkGeneration"),
    NvmlCall("nvmlDeviceGetCurrPcieLinkWidth"),
    NvmlCall("nvmlDeviceGetPcieReplayCounter"),
    NvmlCall("nvmlDeviceGetTotalEccErrors"),
    NvmlCall("nvmlDeviceGetRemappedRows"),
    NvmlCall("nvmlDeviceGetViolationStatus"),
)
"""As an agent with GPUs that are awake makes them."""

AMONG_SLEEPERS: frozenset[str] = frozenset({"nvmlDeviceGetIndex"})
"""Made only while a GPU sleeps, of which the kernel would have to tell."""

_FORM = re.compile(r"(_v\d+|WithFlags)$")


def plain(function: str) -> str:
    """The name without its version: nvidia-ml-py calls nvmlInitWithFlags as nvmlInit."""
    return _FORM.sub("", function)


def plain_names(functions: Collection[str]) -> set[str]:
    return {plain(function) for function in functions}
