"""Which values of decoded samples are taken: columns in, rounded columns out, without any I/O."""

import numpy as np
from numpy.typing import NDArray

from gpufleet_proto.catalog import METRICS

_MAX = np.array([metric.max for metric in METRICS])
_STEPS = np.array([float(metric.steps_per_unit) for metric in METRICS])
_FRACTIONS = [index for index, metric in enumerate(METRICS) if not metric.is_whole]


def judge_values(values: NDArray[np.float64]) -> tuple[NDArray[np.bool_], int]:
    """Rounds `values` (float64 [n, metrics]; NaN is absent) in place, as Metric.round does, and makes absent what is
    not from 0 to the metric's maximum. Returns which rows have any value left, and how many values were dropped."""
    with np.errstate(invalid="ignore"):
        taken = (values >= 0) & (values <= _MAX)
    dropped = int(np.count_nonzero(values == values) - np.count_nonzero(taken))
    if dropped:
        values[~taken] = np.nan
    for column in _FRACTIONS:
        values[:, column] *= _STEPS[column]
    np.rint(values, out=values)
    for column in _FRACTIONS:
        values[:, column] /= _STEPS[column]
    values += 0.0  # -0.0 becomes 0.0
    return np.logical_or.reduce(taken, axis=1), dropped
