"""One GPU, as the readers see it: at one tick each driver call is made at most once, and its answer shared by all
metrics that come from it."""

from typing import Any

from gpufleet_agent.probe.nvml_driver import (
    ARGUMENT_VERSION_MISMATCH,
    DEPRECATED,
    FUNCTION_NOT_FOUND,
    CallFailed,
    NvmlDriver,
    Unreadable,
    failure,
)
from gpufleet_agent.probe.prepared import SHAPES
from gpufleet_agent.probe.questions import Key, Plan, Told
from gpufleet_agent.readings import BACKEND, ERROR, NOT_SUPPORTED

UNKNOWN_TO_LIBRARY = frozenset({FUNCTION_NOT_FOUND, ARGUMENT_VERSION_MISMATCH, DEPRECATED})
"""Codes after which an older form of the same question may still be answered."""

NOT_AVAILABLE = frozenset({0xFFFFFFFF, 0xFFFFFFFFFFFFFFFF})
"""NVML_VALUE_NOT_AVAILABLE of nvml.h (-1), as it looks in unsigned numbers of both widths."""

FIELD_MEMBERS = ("dVal", "uiVal", "ulVal", "ullVal", "sllVal", "siVal", "usVal")
"""Members of nvmlValue_t in the order of nvmlValueType_t."""


WHOLE_GPU = 0
"""The scope of a field that has no links or instances to choose from."""


class Device:
    """One GPU. What it answers holds for one tick: `again` begins the next."""

    __slots__ = ("_driver", "_plan", "_split", "_told", "_unplanned", "gpu", "handle", "pid_namespace_is_host")

    def __init__(self, driver: NvmlDriver, handle: Any, gpu: str, pid_namespace_is_host: bool) -> None:
        self._driver = driver
        self.handle = handle
        self.gpu = gpu
        self._told: Told = {}
        self._plan: Plan | None = None
        self._unplanned = False
        self._split = False
        self.pid_namespace_is_host = pid_namespace_is_host

    def again(self, driver: NvmlDriver, handle: Any, now: float) -> None:
        """Another tick, at `now` (monotonic seconds): what was asked at the one before is asked at once. A plan that
        did not do or is old is dropped, and after a tick without one there is another. The session may be another one,
        and with it the handle."""
        self._driver, self.handle = driver, handle
        if self._plan is None:
            self._plan = driver.plan(self._told, now)
        elif self._unplanned or now >= self._plan.until:
            self._plan = None
        self._told, self._unplanned = {}, False
        if self._plan is not None:
            self._told |= self._plan.denied
            driver.ask_all(self._plan, self.gpu, handle, self._told)

    def in_mig_mode(self, split: bool) -> None:
        """Whether the GPU is in MIG mode now. When that has changed, what it denied before is asked once more."""
        if split != self._split and self._plan is not None:
            for key in self._plan.denied:
                self._told.pop(key, None)
            self._plan = None
        self._split = split

    def call(self, name: str, *arguments: Any) -> Any:
        """What nvidia-ml-py's `name` answers for this GPU. Raises `CallFailed`, or the errors that cost the GPU."""
        key = (name, *arguments)
        told = self._told.get(key) or self._ask(key)
        code, answer = told
        if code:
            raise failure(name, code)
        return answer

    def _ask(self, key: Key) -> tuple[int, Any]:
        told = self._told[key] = self._driver.ask(key, self.gpu, self.handle)
        self._unplanned = self._unplanned or key[0] in SHAPES
        return told

    def first_known(self, *names: str, arguments: tuple[Any, ...] = ()) -> Any:
        """The answer of the first of these functions, newest first, that the library knows."""
        for name in names[:-1]:
            try:
                return self.call(name, *arguments)
            except CallFailed as failed:
                if failed.code not in UNKNOWN_TO_LIBRARY:
                    raise
        return self.call(names[-1], *arguments)

    def field(self, field_id: int) -> int | float:
        """The value of one NVML field (NVML_FI_*) of this GPU."""
        (number,) = self.fields(((field_id, WHOLE_GPU),))
        if isinstance(number, Unreadable):
            raise number
        return number

    def fields(self, wanted: tuple[tuple[int, int], ...]) -> list[int | float | Unreadable]:
        """The values of several fields, each with its scope, in one call; for a field that failed, its failure. Raises
        the errors that cost the GPU, whichever field has them.

        The call as a whole succeeds when any field did; a field's own value is undefined unless its `nvmlReturn` says
        success (nvml.h; DCGM showed 0 °C for GPUs without the sensor because it did not look: NVIDIA/DCGM#311).
        """
        return [_number(value) for value in self.call("nvmlDeviceGetFieldValues", wanted)]


def continued(
    before: Device | None, driver: NvmlDriver, handle: Any, gpu: str, now: float, *, pid_namespace_is_host: bool
) -> Device:
    """The device of the tick `before`, where the GPU has stayed in its place, now at another tick."""
    if before is None or before.gpu != gpu:
        return Device(driver, handle, gpu, pid_namespace_is_host)
    before.again(driver, handle, now)
    return before


def _number(value: Any) -> int | float | Unreadable:
    if value.nvmlReturn:
        failed = failure("nvmlDeviceGetFieldValues", value.nvmlReturn)
        if isinstance(failed, Unreadable):
            return failed
        raise failed
    if value.valueType >= len(FIELD_MEMBERS):
        return Unreadable(ERROR)
    number: int | float = getattr(value.value, FIELD_MEMBERS[value.valueType])
    return number


def known(value: int) -> int:
    """`value`, unless it is NVML's way to say that there is none."""
    if value in NOT_AVAILABLE:
        raise Unreadable(NOT_SUPPORTED)
    return value


def within(value: float, most: int) -> float:
    """`value` as it is, if it lies in 0..`most`; what lies outside is a fault of the driver and no reading."""
    if 0 <= value <= most:
        return value
    raise Unreadable(ERROR)


def worse_known(first: Unreadable, second: Unreadable) -> Unreadable:
    """Which of two failures tells more: a function that is merely missing says nothing about the GPU."""
    return first if second.reason == BACKEND else second
