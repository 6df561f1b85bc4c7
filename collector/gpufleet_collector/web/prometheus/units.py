"""Readings in the units of families: the number nearest to the decimal, so that 57 % is 0.57 and no long tail of
digits."""

import numpy as np
from numpy.typing import NDArray

from gpufleet_proto.catalog import Metric


def in_unit(metric: Metric, values: NDArray[np.float64], factor: float) -> NDArray[np.float64]:
    """`values` times `factor`, which is a whole number or one over a whole number; NaN stays."""
    steps = np.rint(values * metric.steps_per_unit)
    if factor < 1:
        return steps / (metric.steps_per_unit * round(1 / factor))
    return steps * round(factor) / metric.steps_per_unit


def is_exact(factor: float) -> bool:
    """Whether `in_unit` can work with this factor."""
    if factor <= 0:
        return False
    whole = factor if factor >= 1 else 1 / factor
    return abs(whole - round(whole)) < 1e-9 * whole
