"""What two samples of a GPU's activity counters tell when they are compared (nvmlGpmMetricsGet)."""

from collections.abc import Callable, Mapping
from typing import Any

from gpufleet_agent.probe.nvml_driver import REASONS, CallFailed, GpuLost, NvmlDriver, Unreadable
from gpufleet_agent.readings import ERROR

_VERSION = 1
"""NVML_GPM_METRICS_GET_VERSION"""


class GpmQuestion:
    """Asks for the same metrics again and again, so that the structure of question and answer, which has room for
    hundreds of them, is made once. `metrics` are NVML's numbers, `worth` says what a value of each is in the
    catalogue's unit or raises `Unreadable`."""

    def __init__(
        self, driver: NvmlDriver, metrics: Mapping[str, int], worth: Mapping[str, Callable[[float], int | float]]
    ) -> None:
        self._driver = driver
        self._metrics = metrics
        self._worth = worth
        self._structure: Any = None
        self._answers: list[tuple[str, Any]] = []

    def compare(self, gpu: str, older: Any, newer: Any) -> tuple[dict[str, int | float], dict[str, str]]:
        """The values between two samples of `gpu` ("GPU 3"), and why there are others not. Raises `CallFailed` and
        what costs the session."""
        question = self._ask()
        question.sample1, question.sample2 = older, newer
        try:
            self._driver.answer(("nvmlGpmMetricsGet",), gpu, question)
        except GpuLost as lost:
            # Two samples are compared without the GPU: whether that is lost, the next sample says.
            raise CallFailed(lost.call, lost.code) from None
        values: dict[str, int | float] = {}
        absent: dict[str, str] = {}
        for name, answer in self._answers:
            try:
                values[name] = self._value(name, answer)
            except Unreadable as unreadable:
                absent[name] = unreadable.reason
        return values, absent

    def _ask(self) -> Any:
        if self._structure is None:
            self._structure = self._driver.structure("c_nvmlGpmMetricsGet_t")
            self._structure.version, self._structure.numMetrics = _VERSION, len(self._metrics)
            self._answers = list(zip(self._metrics, self._structure.metrics, strict=False))
            for name, answer in self._answers:
                answer.metricId = self._metrics[name]
        return self._structure

    def _value(self, name: str, answer: Any) -> int | float:
        """Each metric has a code of its own; its value counts only when that says success."""
        if answer.nvmlReturn:
            raise Unreadable(REASONS.get(answer.nvmlReturn, ERROR))
        return self._worth[name](answer.value)
