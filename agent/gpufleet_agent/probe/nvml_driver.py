"""The only door to nvidia-ml-py: finds the library, leaves a breadcrumb around every call, and turns whatever a call
raises into our own few errors."""

import ctypes
import importlib
from collections.abc import Iterable
from types import ModuleType
from typing import Any

from gpufleet_agent.probe.call_times import CallTimes
from gpufleet_agent.probe.prepared import Question, plain
from gpufleet_agent.probe.questions import Key, Plan, Questions, Told
from gpufleet_agent.readings import BACKEND, ERROR, NO_PERMISSION, NOT_SUPPORTED, Breadcrumb

# nvmlReturn_t of nvml.h. Written out, because the module that also holds them is imported only when it is needed.
UNINITIALIZED, INVALID_ARGUMENT, UNSUPPORTED, FORBIDDEN = 1, 2, 3, 4
NOT_FOUND = 6
DRIVER_NOT_LOADED = 9
LIBRARY_NOT_FOUND, FUNCTION_NOT_FOUND = 12, 13
GPU_IS_LOST, RESET_REQUIRED = 15, 16
LIB_RM_VERSION_MISMATCH = 18
ARGUMENT_VERSION_MISMATCH, DEPRECATED = 25, 26
GPU_NOT_FOUND = 28
UNKNOWN_ERROR = 999

MODULE_MISSING = -1
"""No code of NVML: the Python package is not installed."""

LOST_CODES = frozenset({GPU_IS_LOST, RESET_REQUIRED, GPU_NOT_FOUND})
SESSION_CODES = frozenset({UNINITIALIZED, DRIVER_NOT_LOADED, LIB_RM_VERSION_MISMATCH})
"""After one of these nothing that this session hands out is of any use: it is closed and opened again."""
ENDING_CODES = LOST_CODES | SESSION_CODES

REASONS = {
    UNSUPPORTED: NOT_SUPPORTED,
    FORBIDDEN: NO_PERMISSION,
    FUNCTION_NOT_FOUND: BACKEND,
    ARGUMENT_VERSION_MISMATCH: BACKEND,
    DEPRECATED: BACKEND,
}

LIBRARY = "libnvidia-ml.so.1"
LIBRARY_FOLDERS = ("/usr/lib/wsl/lib", "/usr/local/nvidia/lib64", "/run/nvidia/driver/usr/lib64")
"""Where the library also lives when the loader does not know it: WSL, device plugins, the driver container."""


OPENING_DEADLINE_SECONDS = 30.0
"""For opening the session and each GPU in it: without persistence mode the driver sets a GPU up
anew when it is opened, which takes seconds (nvml.h: nvmlDeviceGetHandleByIndex does it, nvmlInit_v2 does not)."""


class Unreadable(Exception):
    """One metric cannot be read now. `reason` is the name of an `Absence.Reason`."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class CallFailed(Unreadable):
    """The driver answered a call with `code`, which costs the metrics that need the call."""

    def __init__(self, call: str, code: int) -> None:
        super().__init__(REASONS.get(code, ERROR))
        self.call = call
        self.code = code


class GpuLost(Exception):
    """The GPU itself is gone or needs a reset: costs the GPU."""

    def __init__(self, call: str, code: int) -> None:
        super().__init__(f"{call}: {code}")
        self.call = call
        self.code = code


class SessionFailed(Exception):
    """The driver, or our session with it, is gone: costs every GPU until NVML is opened again."""

    def __init__(self, call: str, code: int) -> None:
        super().__init__(f"{call}: {code}")
        self.call = call
        self.code = code


def failure(call: str, code: int) -> Exception:
    """What to raise for a call on one GPU that was answered with `code`."""
    if code in LOST_CODES:
        return GpuLost(call, code)
    return SessionFailed(call, code) if code in SESSION_CODES else CallFailed(call, code)


class NvmlDriver:
    """An open session with NVML."""

    def __init__(
        self,
        breadcrumb: Breadcrumb,
        library_folders: tuple[str, ...] = LIBRARY_FOLDERS,
        times: CallTimes | None = None,
        questions: Questions | None = None,
    ) -> None:
        """Open NVML. Raises `SessionFailed` with the code of NVML, or with `MODULE_MISSING`."""
        self._breadcrumb = breadcrumb
        self._times = times or CallTimes()
        self._questions = questions or Questions()
        self._nvml = _import_nvml()
        self._error: type[Exception] = self._nvml.NVMLError
        self._mismatch: type[Exception] = self._nvml.NVMLLibraryMismatchError
        self._opened: set[int | str] = set()
        code = self._initialize()
        if code == LIBRARY_NOT_FOUND and _load_from(library_folders):
            code = self._initialize()
        if code:
            raise SessionFailed("nvmlInit", code)

    def open_gpu(self, index: int, gpu: str) -> Any:
        """The handle of the GPU that is at `index` now."""
        return self._open(index, ("nvmlDeviceGetHandleByIndex", index), gpu)

    def open_slot(self, slot: str, gpu: str) -> Any:
        """The handle of the GPU in a slot (a key of `slot_key`). No other GPU is touched on the way."""
        return self._open(slot, ("nvmlDeviceGetHandleByPciBusId", f"{slot}.0"), gpu)

    def uuid(self, handle: Any, gpu: str) -> str:
        """The UUID of the GPU or instance of `handle`."""
        answer: str = self.answer(("nvmlDeviceGetUUID",), gpu, handle)
        return answer

    def ask(self, key: Key, gpu: str, *subject: Any) -> tuple[int, Any]:
        """NVML's code for a question that is put again and again, and the answer where that is 0. The function is
        called with `subject`, of which there may be many, and the arguments in `key`, of which there may be few."""
        question = self._questions.find(self._nvml, key)
        if question is None:
            return self._call(key[0], gpu, (*subject, *key[1:]))
        name = key[0]
        self._breadcrumb.enter(name, gpu)
        began = self._times.clock()
        try:
            code = question.function(*subject, *question.rest)
        finally:
            self._breadcrumb.leave()
            self._times.add(name, began)
        return _read(question) if code == 0 else (code, None)

    def plan(self, told: Told, now: float) -> Plan:
        """What a GPU that answered this is to be asked at the tick of `now`."""
        return self._questions.plan(told, now)

    def ask_all(self, plan: Plan, gpu: str, handle: Any, told: Told) -> None:
        """Put the questions of a plan one after the other, each as `ask` would, and note what is `told`. When the GPU
        or the session turns out to be lost, the rest is not asked."""
        for group, questions in plan.parts:
            began = self._times.clock()
            lost = self._ask_each(questions, gpu, handle, told)
            self._times.spend(group, began)
            if lost:
                return

    def answer(self, key: Key, gpu: str, *subject: Any) -> Any:
        """The answer to the same, or the error that it is."""
        code, answer = self.ask(key, gpu, *subject)
        if code:
            raise failure(key[0], code)
        return answer

    def call(self, name: str, gpu: str, *arguments: Any) -> Any:
        """What the function `name` of nvidia-ml-py answers for `gpu` ("GPU 3")."""
        code, answer = self._call(name, gpu, arguments)
        if code:
            raise failure(name, code)
        return answer

    def call_whole(self, name: str) -> Any:
        """The same at every tick for a function of the whole driver, any failure of which is one of the session."""
        code, answer = self.ask((name,), "")
        if code:
            raise SessionFailed(name, code)
        return answer

    def structure(self, name: str) -> Any:
        """An empty structure of nvidia-ml-py's, for functions that fill one in. `CallFailed` where it has none."""
        kind = getattr(self._nvml, name, None)
        if kind is None:
            raise CallFailed(name, FUNCTION_NOT_FOUND)
        return plain(kind)()

    def close(self) -> None:
        """End the session; NVML has nothing to say about it that anybody could act on."""
        self._call("nvmlShutdown", "", ())

    def _initialize(self) -> int:
        return self._call("nvmlInit", "", (), OPENING_DEADLINE_SECONDS)[0]

    def _ask_each(self, questions: Iterable[tuple[Key, Question]], gpu: str, handle: Any, told: Told) -> bool:
        """Whether what was answered last ends the reading of this GPU. Written for speed: most calls are made here."""
        enter, leave = self._breadcrumb.enter, self._breadcrumb.leave
        for key, (function, rest, read) in questions:
            enter(key[0], gpu)
            try:
                code = function(handle, *rest)
            finally:
                leave()
            if code:
                told[key] = (code, None)
                if code in ENDING_CODES:
                    return True
            else:
                told[key] = (0, read())
        return False

    def _open(self, place: int | str, key: Key, gpu: str) -> Any:
        if place in self._opened:
            return self.answer(key, gpu)
        name, *arguments = key
        code, handle = self._call(name, gpu, tuple(arguments), OPENING_DEADLINE_SECONDS)
        if code:
            raise failure(name, code)
        self._opened.add(place)
        return handle

    def _call(
        self, name: str, gpu: str, arguments: tuple[Any, ...], deadline_seconds: float | None = None
    ) -> tuple[int, Any]:
        function = getattr(self._nvml, name, None)
        if function is None:
            return FUNCTION_NOT_FOUND, None
        self._breadcrumb.enter(name, gpu, deadline_seconds)
        began = self._times.clock()
        try:
            return 0, function(*arguments)
        except self._error as error:
            return int(getattr(error, "value", UNKNOWN_ERROR)), None
        except self._mismatch:
            return FUNCTION_NOT_FOUND, None
        except (UnicodeDecodeError, ctypes.ArgumentError):
            # A name that is not UTF-8 and the like: the driver answered, with something that nobody can read.
            return UNKNOWN_ERROR, None
        finally:
            self._breadcrumb.leave()
            self._times.add(name, began)


def _read(question: Question) -> tuple[int, Any]:
    try:
        return 0, question.read()
    except UnicodeDecodeError:
        return UNKNOWN_ERROR, None


def _import_nvml() -> ModuleType:
    try:
        return importlib.import_module("pynvml")
    except ImportError as error:
        raise SessionFailed("import", MODULE_MISSING) from error


def _load_from(folders: tuple[str, ...]) -> bool:
    """Load the library from the first folder that has it. nvidia-ml-py asks the loader for the bare name, and the
    loader then answers with what is loaded already under that name."""
    for folder in folders:
        try:
            ctypes.CDLL(f"{folder}/{LIBRARY}")
        except OSError:
            continue
        return True
    return False
