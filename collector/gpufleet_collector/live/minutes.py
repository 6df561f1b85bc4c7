"""Minutes of the fleet from live values: what the history has until their hour is packed and they become exact."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from gpufleet_collector.model import METRIC_NAMES, WHOLE_GPU_PANELS, MinuteGroup
from gpufleet_proto.catalog import METRICS, Kind

MAX_GROUPS = 10_000
"""Groups of one minute; what more values of labels there are have no minutes until their hour is packed."""

_WHOLE_ONLY = np.array([metric.panel in WHOLE_GPU_PANELS for metric in METRICS])
_COUNTERS = np.array([metric.kind is Kind.COUNTER for metric in METRICS])


@dataclass(frozen=True, slots=True)
class Standing:
    """The GPUs that have a current value, row by row: `values` is [gpus, metrics], NaN where there is none; `parents`
    names the GPU that a MIG instance is part of; labels are those of the host."""

    gpu_uuids: Sequence[str]
    parents: Sequence[str | None]
    models: Sequence[str]
    labels: Sequence[Mapping[str, str]]
    values: NDArray[np.float64]


class FleetMinutes:
    """Turns the standing at the end of each minute into groups. Remembers counters from one minute to the next."""

    def __init__(self, labels: Sequence[str] = (), *, max_groups: int = MAX_GROUPS) -> None:
        """`labels` are the names of labels whose values are groups."""
        self._labels = tuple(labels)
        self._max_groups = max_groups
        self._before: dict[str, NDArray[np.float64]] = {}

    def groups(self, standing: Standing, minute: int) -> list[MinuteGroup]:
        """The groups of the minute that has just ended; the fleet comes first."""
        values = self._counted(standing)
        rows_of: dict[tuple[str, str, str], list[int]] = {}
        for row, (model, labels) in enumerate(zip(standing.models, standing.labels, strict=True)):
            for group in self._memberships(model, labels):
                if group in rows_of or len(rows_of) < self._max_groups:
                    rows_of.setdefault(group, []).append(row)
        is_whole = np.array([parent is None for parent in standing.parents], np.bool_)
        return [
            _summed(minute, *group, values=values[rows], gpus=int(is_whole[rows].sum()))
            for group, rows in rows_of.items()
        ]

    def _memberships(self, model: str, labels: Mapping[str, str]) -> Iterator[tuple[str, str, str]]:
        yield "fleet", "", ""
        yield "model", "", model
        for label in self._labels:
            if label in labels:
                yield "label", label, labels[label]

    def _counted(self, standing: Standing) -> NDArray[np.float64]:
        """What counts of each GPU: increases in place of counters, and of MIG instances only what is not said of their
        parents."""
        values = standing.values.copy()
        values[:, _COUNTERS] = self._increases(standing)
        row_of = {uuid: row for row, uuid in enumerate(standing.gpu_uuids)}
        for row, parent in enumerate(standing.parents):
            if parent is not None:
                left_out = _WHOLE_ONLY.copy()
                if (whole := row_of.get(parent)) is not None:
                    left_out |= ~np.isnan(standing.values[whole])
                values[row, left_out] = np.nan
        return values

    def _increases(self, standing: Standing) -> NDArray[np.float64]:
        now = standing.values[:, _COUNTERS]
        unknown = np.full(now.shape[1], np.nan)
        before = np.array([self._before.get(uuid, unknown) for uuid in standing.gpu_uuids]).reshape(now.shape)
        self._before = dict(zip(standing.gpu_uuids, now, strict=True))
        rise = now - before
        return np.where(rise < 0, now, rise)


def _summed(minute: int, scope: str, key: str, value: str, *, values: NDArray[np.float64], gpus: int) -> MinuteGroup:
    counts = (~np.isnan(values)).sum(axis=0)
    nothing = np.full(len(METRIC_NAMES), np.nan)
    return MinuteGroup(
        minute=minute,
        scope=scope,
        key=key,
        value=value,
        gpus=gpus,
        sums=np.nansum(values, axis=0),
        smallest=np.fmin.reduce(values, axis=0, initial=np.nan) if len(values) else nothing,
        largest=np.fmax.reduce(values, axis=0, initial=np.nan) if len(values) else nothing,
        counts=counts,
    )
