"""Questions of every tick, with the library's function, its arguments and its buffers made once: nvidia-ml-py makes
them anew at every call, and an object for the answer, which costs many times what the library itself takes.

Library, structures and constants are nvidia-ml-py's. One question serves all GPUs, so that what is touched at every
tick stays small; what it answers is a copy that the next call does not change.
"""

import ctypes
from collections.abc import Callable, Mapping
from ctypes import byref, c_uint, c_ulonglong
from functools import cache
from types import ModuleType
from typing import Any, NamedTuple, TypeAlias

INSUFFICIENT_SIZE = 7
UUID_BYTES = 96
"""NVML_DEVICE_UUID_V2_BUFFER_SIZE"""
FIRST_ROOM, MOST_ROOM = 16, 65_536
"""Processes that a list has room for at first and at most; with more the call fails."""
ATTEMPTS = 3
"""How often a list that did not fit is asked for again: it may have grown meanwhile."""


class Question(NamedTuple):
    """`function(*subject, *rest)` gives a code of NVML; `read` gives the answer where that is 0."""

    function: Callable[..., int]
    rest: tuple[Any, ...]
    read: Callable[[], Any]


Shape: TypeAlias = Callable[..., Question]
"""Makes a question of the module of nvidia-ml-py and of the arguments that are no subject. Raises the module's error
where the library lacks the function."""


def _function(nvml: ModuleType, symbol: str) -> Callable[..., int]:
    function: Callable[..., int] = nvml._nvmlGetFunctionPointer(symbol)  # noqa: SLF001 - its one way to a function
    return function


def _number(symbol: str, kind: Any = c_uint) -> Shape:
    def make(nvml: ModuleType, *arguments: int) -> Question:
        answer = kind()
        return Question(_function(nvml, symbol), (*map(c_uint, arguments), byref(answer)), lambda: answer.value)

    return make


def _numbers(symbol: str, count: int) -> Shape:
    """`count` unsigned numbers, each with an argument of its own."""

    def make(nvml: ModuleType) -> Question:
        answers = [c_uint() for _ in range(count)]
        read = lambda: [answer.value for answer in answers]  # noqa: E731 - as short as the others
        return Question(_function(nvml, symbol), tuple(map(byref, answers)), read)

    return make


def _structure(symbol: str, name: str) -> Shape:
    def make(nvml: ModuleType, *arguments: int) -> Question:
        kind = plain(getattr(nvml, name))
        answer = kind()
        rest = (*map(c_uint, arguments), byref(answer))
        return Question(_function(nvml, symbol), rest, lambda: kind.from_buffer_copy(answer))

    return make


def _memory(nvml: ModuleType, version: int = 0) -> Question:
    if not version:
        return _structure("nvmlDeviceGetMemoryInfo", "c_nvmlMemory_t")(nvml)
    kind = plain(nvml.c_nvmlMemory_v2_t)
    answer = kind(version=version)
    function = _function(nvml, "nvmlDeviceGetMemoryInfo_v2")
    return Question(function, (byref(answer),), lambda: kind.from_buffer_copy(answer))


def _temperature(nvml: ModuleType, sensor: int) -> Question:
    answer = plain(nvml.c_nvmlTemperature_v1_t)(version=nvml.nvmlTemperature_v1, sensorType=sensor)
    return Question(_function(nvml, "nvmlDeviceGetTemperatureV"), (byref(answer),), lambda: answer.temperature)


def _handle(symbol: str, argument: Callable[[Any], Any]) -> Shape:
    """Of one GPU always the same object, with what the driver answered last in it."""

    def make(nvml: ModuleType, where: Any) -> Question:
        answer = nvml.c_nvmlDevice_t()
        return Question(_function(nvml, symbol), (argument(where), byref(answer)), lambda: answer)

    return make


def _uuid(nvml: ModuleType) -> Question:
    buffer = ctypes.create_string_buffer(UUID_BYTES)
    rest = (buffer, c_uint(UUID_BYTES))
    return Question(_function(nvml, "nvmlDeviceGetUUID"), rest, lambda: buffer.value.decode())


def _fields(nvml: ModuleType, wanted: tuple[tuple[int, int], ...]) -> Question:
    kind = plain(nvml.c_nvmlFieldValue_t) * len(wanted)
    answer = kind(*wanted)
    rest = (ctypes.c_int32(len(wanted)), byref(answer))
    return Question(_function(nvml, "nvmlDeviceGetFieldValues"), rest, lambda: list(kind.from_buffer_copy(answer)))


def _event(nvml: ModuleType, milliseconds: int) -> Question:
    kind = plain(nvml.c_nvmlEventData_t)
    answer = kind()
    rest = (byref(answer), c_uint(milliseconds))
    return Question(_function(nvml, "nvmlEventSetWait_v2"), rest, lambda: kind.from_buffer_copy(answer))


def _comparison(nvml: ModuleType) -> Question:
    function = _function(nvml, "nvmlGpmMetricsGet")
    return Question(lambda question: function(byref(question)), (), _nothing)


def _sample(symbol: str) -> Shape:
    return lambda nvml: Question(_function(nvml, symbol), (), _nothing)


def _nothing() -> None:
    return None


class _List:
    """A list with room that grows as the driver asks for more."""

    def __init__(self, function: Callable[..., int], kind: Any) -> None:
        self._function = function
        self._kind = kind
        self._count = c_uint()
        self._make_room(FIRST_ROOM)

    def ask(self, handle: Any) -> int:
        for _ in range(ATTEMPTS):
            self._count.value = self._room
            code = self._function(handle, self._pointer, self._entries)
            if code != INSUFFICIENT_SIZE or self._room == MOST_ROOM:
                break
            self._make_room(min(MOST_ROOM, 2 * max(self._count.value, self._room)))
        return code

    def read(self) -> list[Any]:
        entries: list[Any] = self._array.from_buffer_copy(self._entries)[: self._count.value]
        return entries

    def _make_room(self, room: int) -> None:
        self._room = room
        self._array = self._kind * room
        self._entries = self._array()
        self._pointer = byref(self._count)


def _processes(name: str, structure: str) -> Shape:
    def make(nvml: ModuleType) -> Question:
        entries = _List(_function(nvml, name), plain(getattr(nvml, structure)))
        return Question(entries.ask, (), entries.read)

    return make


SHAPES: Mapping[str, Shape] = {
    "nvmlDeviceGetCount": _number("nvmlDeviceGetCount_v2"),
    "nvmlDeviceGetHandleByIndex": _handle("nvmlDeviceGetHandleByIndex_v2", c_uint),
    "nvmlDeviceGetHandleByPciBusId": _handle(
        "nvmlDeviceGetHandleByPciBusId_v2", lambda slot: ctypes.c_char_p(slot.encode())
    ),
    "nvmlDeviceGetUUID": _uuid,
    "nvmlDeviceGetTemperatureV": _temperature,
    "nvmlDeviceGetTemperature": _number("nvmlDeviceGetTemperature"),
    "nvmlDeviceGetFanSpeed": _number("nvmlDeviceGetFanSpeed"),
    "nvmlDeviceGetPowerUsage": _number("nvmlDeviceGetPowerUsage"),
    "nvmlDeviceGetPowerManagementLimit": _number("nvmlDeviceGetPowerManagementLimit"),
    "nvmlDeviceGetEnforcedPowerLimit": _number("nvmlDeviceGetEnforcedPowerLimit"),
    "nvmlDeviceGetTotalEnergyConsumption": _number("nvmlDeviceGetTotalEnergyConsumption", c_ulonglong),
    "nvmlDeviceGetMemoryInfo": _memory,
    "nvmlDeviceGetUtilizationRates": _structure("nvmlDeviceGetUtilizationRates", "c_nvmlUtilization_t"),
    "nvmlDeviceGetEncoderUtilization": _numbers("nvmlDeviceGetEncoderUtilization", 2),
    "nvmlDeviceGetDecoderUtilization": _numbers("nvmlDeviceGetDecoderUtilization", 2),
    "nvmlDeviceGetClockInfo": _number("nvmlDeviceGetClockInfo"),
    "nvmlDeviceGetPerformanceState": _number("nvmlDeviceGetPerformanceState"),
    "nvmlDeviceGetCurrentClocksEventReasons": _number("nvmlDeviceGetCurrentClocksEventReasons", c_ulonglong),
    "nvmlDeviceGetCurrentClocksThrottleReasons": _number("nvmlDeviceGetCurrentClocksThrottleReasons", c_ulonglong),
    "nvmlDeviceGetFieldValues": _fields,
    **{
        f"nvmlDeviceGet{kind}RunningProcesses_v{version}": _processes(
            f"nvmlDeviceGet{kind}RunningProcesses_v{version}", f"c_nvmlProcessInfo_v{version}_t"
        )
        for kind in ("Compute", "Graphics")
        for version in (2, 3)
    },
    "nvmlEventSetWait_v2": _event,
    "nvmlGpmSampleGet": _sample("nvmlGpmSampleGet"),
    "nvmlGpmMigSampleGet": _sample("nvmlGpmMigSampleGet"),
    "nvmlGpmMetricsGet": _comparison,
    "nvmlDeviceGetPcieThroughput": _number("nvmlDeviceGetPcieThroughput"),
    "nvmlDeviceGetCurrPcieLinkGeneration": _number("nvmlDeviceGetCurrPcieLinkGeneration"),
    "nvmlDeviceGetCurrPcieLinkWidth": _number("nvmlDeviceGetCurrPcieLinkWidth"),
    "nvmlDeviceGetPcieReplayCounter": _number("nvmlDeviceGetPcieReplayCounter"),
    "nvmlDeviceGetTotalEccErrors": _number("nvmlDeviceGetTotalEccErrors", c_ulonglong),
    "nvmlDeviceGetRemappedRows": _numbers("nvmlDeviceGetRemappedRows", 4),
    "nvmlDeviceGetViolationStatus": _structure("nvmlDeviceGetViolationStatus", "c_nvmlViolationTime_t"),
}
"""By the name of nvidia-ml-py. Whatever is not here is asked through nvidia-ml-py as it is."""


@cache
def plain(kind: Any) -> Any:
    """A structure of the same layout without nvidia-ml-py's conversions, which double the cost of a member."""
    if issubclass(kind, ctypes.Array):
        return plain(kind._type_) * kind._length_
    if not issubclass(kind, ctypes.Structure):
        return kind
    fields = [(name, plain(member), *bits) for name, member, *bits in kind._fields_]
    packed = {"_pack_": kind._pack_} if hasattr(kind, "_pack_") else {}
    return type(kind.__name__, (ctypes.Structure,), {**packed, "_fields_": fields})
