"""The questions that were prepared so far, and the plan of a tick: what a GPU was asked at one tick it is asked at the
next in one go, which halves the steps around a driver call."""

from dataclasses import dataclass
from itertools import groupby
from types import ModuleType
from typing import Any, TypeAlias

from gpufleet_agent.probe.call_times import group_of
from gpufleet_agent.probe.prepared import SHAPES, Question

Key: TypeAlias = tuple[Any, ...]
"""The name of a function in nvidia-ml-py, and its arguments but for the GPU: what makes a question."""
Told: TypeAlias = dict[Key, tuple[int, Any]]
"""What one GPU answered at one tick: NVML's code, and the answer where that is 0."""

MOST_QUESTIONS = 4096
"""Prepared at a time, for all GPUs together; past it they are prepared anew."""
LONGEST_USE_SECONDS = 60.0
"""A plan is made anew so often: without what was asked only because something else failed for a while, and after asking
once more what was denied."""
NOT_SUPPORTED, FUNCTION_NOT_FOUND = 3, 13
DENIALS = frozenset({NOT_SUPPORTED, FUNCTION_NOT_FOUND})
"""Answers that hold while a plan does: to be told so at every tick again is not worth a call (0.5 ms for the fan speed
of a board without a fan)."""


@dataclass(slots=True)
class Plan:
    """The questions that one GPU is asked at every tick until `until` (monotonic seconds), in order, in parts by the
    group of their times, and the answers to those that are not asked meanwhile, because they were denied."""

    parts: tuple[tuple[str, tuple[tuple[Key, Question], ...]], ...]
    denied: Told
    until: float


class Questions:
    """They outlive a session with the driver, but belong to one thread, as their buffers do."""

    def __init__(self) -> None:
        self._prepared: dict[Key, Question] = {}

    def find(self, nvml: ModuleType, key: Key) -> Question | None:
        """None where nvidia-ml-py is to make the call: for functions that are not asked at every tick, and where this
        nvidia-ml-py lacks what preparing takes."""
        return self._prepared.get(key) or self._prepare(nvml, key)

    def plan(self, told: Told, now: float) -> Plan:
        """The plan from `now` on of a GPU that was asked these, in this order, and answered so."""
        asked = {key: answer for key, answer in told.items() if key in self._prepared}
        denied = {key: answer for key, answer in asked.items() if answer[0] in DENIALS}
        questions = [(key, self._prepared[key]) for key in asked if key not in denied]
        parts = tuple((group, tuple(part)) for group, part in groupby(questions, _group))
        return Plan(parts, denied, now + LONGEST_USE_SECONDS)

    def _prepare(self, nvml: ModuleType, key: Key) -> Question | None:
        name, *arguments = key
        if name not in SHAPES:
            return None
        try:
            question = SHAPES[name](nvml, *arguments)
        except AttributeError:
            return None
        except nvml.NVMLError:
            question = Question(_not_in_the_library, (), _not_in_the_library)
        if len(self._prepared) >= MOST_QUESTIONS:
            self._prepared.clear()
        self._prepared[key] = question
        return question


def _group(question: tuple[Key, Question]) -> str:
    return group_of(question[0][0])


def _not_in_the_library(*_subject: Any) -> int:
    return FUNCTION_NOT_FOUND
