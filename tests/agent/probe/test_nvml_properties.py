"""Whatever fails in NVML, each metric is exactly what its GPU told, or absent with a reason. What a GPU denied at the
tick before it may not have been asked again."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from fakes.nvml.library import MEBIBYTE, FakeDriver, FakeGpu, NvmlProcess, by_uuid, whole_gpu
from gpufleet_agent.probe.readers import CORE, METRICS

OLDER_FORM = {13, 25, 26}
LOST = {15, 16, 28}
SESSION = {1: "unknown", 9: "unknown", 18: "driver_mismatch"}
CODES = [*range(1, 31), 999, 4711]
DENIALS = {3, 13}
ANY_FAILURE = set(CODES) - LOST - set(SESSION)
REASONS = {3: "NOT_SUPPORTED", 4: "NO_PERMISSION", 13: "BACKEND", 25: "BACKEND", 26: "BACKEND"}


@dataclass(frozen=True)
class Source:
    """Where a value comes from: the function, the script's key for its value, and how much of it makes one unit.
    `next_after` are the codes after which the next source is asked."""

    function: str
    key: str
    divisor: int = 1
    next_after: frozenset[int] = frozenset()


def source(key: str, divisor: int = 1, next_after: set[int] | None = None) -> Source:
    function = key if key.startswith("nvmlDeviceGetFieldValues") else key.partition(".")[0].partition("[")[0]
    return Source(function, key, divisor, frozenset(next_after or ()))


SOURCES: dict[str, list[Source]] = {
    "temperature_celsius": [
        source("nvmlDeviceGetTemperatureV", next_after=OLDER_FORM),
        source("nvmlDeviceGetTemperature"),
    ],
    "memory_temperature_celsius": [source("nvmlDeviceGetFieldValues[82]")],
    "fan_speed_percent": [source("nvmlDeviceGetFanSpeed")],
    "power_watts": [source("nvmlDeviceGetPowerUsage", 1000)],
    "power_limit_watts": [
        source("nvmlDeviceGetPowerManagementLimit", 1000, next_after=ANY_FAILURE),
        source("nvmlDeviceGetEnforcedPowerLimit", 1000),
    ],
    "energy_joules_total": [source("nvmlDeviceGetTotalEnergyConsumption", 1000)],
    "memory_used_mb": [
        source("nvmlDeviceGetMemoryInfo_v2.used", MEBIBYTE, next_after=OLDER_FORM | {2}),
        source("nvmlDeviceGetMemoryInfo.used", MEBIBYTE),
    ],
    "memory_total_mb": [
        source("nvmlDeviceGetMemoryInfo_v2.total", MEBIBYTE, next_after=OLDER_FORM | {2}),
        source("nvmlDeviceGetMemoryInfo.total", MEBIBYTE),
    ],
    "memory_reserved_mb": [source("nvmlDeviceGetMemoryInfo_v2.reserved", MEBIBYTE)],
    "gpu_utilization_percent": [source("nvmlDeviceGetUtilizationRates.gpu")],
    "memory_utilization_percent": [source("nvmlDeviceGetUtilizationRates.memory")],
    "encoder_utilization_percent": [source("nvmlDeviceGetEncoderUtilization")],
    "decoder_utilization_percent": [source("nvmlDeviceGetDecoderUtilization")],
    "sm_clock_mhz": [source("nvmlDeviceGetClockInfo[1]")],
    "memory_clock_mhz": [source("nvmlDeviceGetClockInfo[2]")],
    "performance_state": [source("nvmlDeviceGetPerformanceState")],
    "throttle_reasons": [
        source("nvmlDeviceGetCurrentClocksEventReasons", next_after=OLDER_FORM),
        source("nvmlDeviceGetCurrentClocksThrottleReasons"),
    ],
}
FUNCTIONS = sorted({each.function for sources in SOURCES.values() for each in sources})
IDENTITY = ["nvmlDeviceGetName", "nvmlDeviceGetSerial", "nvmlDeviceGetVbiosVersion", "nvmlDeviceGetPciInfo_v3"]
OPENING = ["nvmlDeviceGetHandleByIndex_v2", "nvmlDeviceGetUUID"]

errors = st.dictionaries(st.sampled_from(FUNCTIONS), st.sampled_from(CODES), max_size=len(FUNCTIONS))
harmless = st.dictionaries(st.sampled_from(FUNCTIONS), st.sampled_from(sorted(ANY_FAILURE)), max_size=12)
rarely = st.dictionaries(st.sampled_from(IDENTITY + OPENING), st.sampled_from(CODES), max_size=1)


@st.composite
def gpus(draw: st.DrawFn) -> FakeGpu:
    gpu = whole_gpu(draw(st.integers(0, 15)))
    gpu.errors = draw(st.one_of(harmless, errors)) | draw(st.one_of(st.just({}), rarely))
    for function in draw(st.sets(st.sampled_from(FUNCTIONS), max_size=4)):
        gpu.values = {key: value for key, value in gpu.values.items() if not key.startswith(function)}
    gpu.lost = draw(st.integers(0, 9)) == 0
    return gpu


drivers = st.lists(gpus(), max_size=4, unique_by=lambda gpu: gpu.uuid).map(lambda listed: FakeDriver(gpus=listed))


@pytest.fixture(scope="module")
def process(nvml_library: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[NvmlProcess]:
    with NvmlProcess(tmp_path_factory.mktemp("script") / "nvml.script", nvml_library) as process:
        yield process


@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(before=drivers, driver=drivers)
def test_each_metric_is_what_its_gpu_told_or_absent_with_a_reason(
    process: NvmlProcess, before: FakeDriver, driver: FakeDriver
) -> None:
    process.ask("close")
    process.tell(before)
    process.read()
    process.tell(driver)
    told, denied = {gpu.uuid: gpu for gpu in driver.gpus}, {gpu.uuid: denials_of(gpu) for gpu in before.gpus}
    reading = by_uuid(process.read())
    for uuid, gpu in reading.items():
        assert gpu["values"].keys() | gpu["absent"].keys() == set(CORE if gpu["state"] == "ok" else METRICS)
        assert not gpu["values"].keys() & gpu["absent"].keys()
        if gpu["state"] == "ok":
            check_values(told[uuid], gpu, denied.get(uuid, {}))
        else:
            assert gpu["values"] == {}
            assert gpu["state"] in states_allowed(told.get(uuid))
    assert {gpu.uuid for gpu in driver.gpus if opens(gpu)} <= reading.keys()


def opens(gpu: FakeGpu) -> bool:
    return not set(OPENING) & gpu.errors.keys()


def states_allowed(gpu: FakeGpu | None) -> set[str]:
    """States but `ok` that the script gives cause for; of a GPU that cannot be opened nobody knows more."""
    if gpu is None or not opens(gpu):
        return {"lost", "unknown", "driver_mismatch"}
    codes = set(gpu.errors.values())
    states = {SESSION[code] for code in codes & SESSION.keys()}
    return states | {"lost"} if codes & LOST or gpu.lost else states


def denials_of(gpu: FakeGpu) -> dict[str, int]:
    """The codes of what a GPU says that it does not have, by the source's key."""
    codes = {each.key: code_of(gpu, each) for sources in SOURCES.values() for each in sources}
    return {key: code for key, code in codes.items() if code in DENIALS}


def check_values(told: FakeGpu, gpu: dict[str, Any], denied: dict[str, int]) -> None:
    assert opens(told)
    assert not told.lost
    for metric, sources in SOURCES.items():
        allowed = [expected(told, sources, {}), expected(told, sources, denied)]
        values = {value for value, _ in allowed}
        reasons = set().union(*(reasons for _, reasons in allowed))
        if metric in gpu["values"]:
            assert gpu["values"][metric] in values, metric
        else:
            assert gpu["absent"].get(metric) in reasons, metric


def expected(told: FakeGpu, sources: list[Source], denied: dict[str, int]) -> tuple[float | None, set[str]]:
    """What one metric must be, or the reasons that its absence may have. `denied` is not asked for."""
    reasons = set()
    for each in sources:
        code = denied.get(each.key) or code_of(told, each)
        if not code:
            value = int(told.values[each.key])
            return (round(value / each.divisor) if each.divisor == MEBIBYTE else value / each.divisor), set()
        reasons.add(REASONS.get(code, "ERROR"))
        if code not in each.next_after:
            break
    if sources == SOURCES["memory_reserved_mb"]:
        reasons |= {"BACKEND"} | reasons_of_version_1(told, denied)
    return None, reasons


def reasons_of_version_1(told: FakeGpu, denied: dict[str, int]) -> set[str]:
    """Where version 1 of the memory fails too, that may be why what only version 2 knows is absent."""
    version_1 = source("nvmlDeviceGetMemoryInfo.used")
    code = denied.get(version_1.key) or code_of(told, version_1)
    return {REASONS.get(code, "ERROR")} if code else set()


def code_of(told: FakeGpu, each: Source) -> int:
    if each.function in told.errors:
        return told.errors[each.function]
    missing = each.key not in told.values
    return 3 if missing else 0
