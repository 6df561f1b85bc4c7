"""Layouts and frames as JSON: columns are written whole, so that no GPU costs Python anything."""

from collections.abc import Sequence

import numpy as np
import orjson
from numpy.typing import NDArray

from gpufleet_collector.live.picture import NO_INSTANT, Picture, Roster
from gpufleet_collector.model import METRIC_INDEX
from gpufleet_collector.web import instants
from gpufleet_proto.catalog import METRICS

_ABSENT = -(2**62)
"""Stands for an absent whole number until it is text: whole numbers are written many times faster than others."""


def layout_text(number: int, metrics: Sequence[str], interval_seconds: float, roster: Roster) -> bytes:
    """What the columns of the frames with this number are about."""
    layout = {
        "type": "layout",
        "layout": number,
        "metrics": metrics,
        "interval_seconds": interval_seconds,
        "gpus": [row._asdict() for row in roster.rows],
    }
    return orjson.dumps(layout)


def states_text(roster: Roster) -> bytes:
    return orjson.dumps(roster.states)


def frame_text(number: int, metrics: Sequence[str], states: bytes, picture: Picture) -> bytes:
    """`states` is the column that `states_text` wrote."""
    columns = zip(metrics, picture.values, strict=True)
    values = b",".join(b'"%b":%b' % (name.encode(), column_text(name, column)) for name, column in columns)
    return b'{"type":"frame","layout":%d,"time":"%b","recorded_at":%b,"state":%b,"values":{%b}}' % (
        number,
        instants.write(picture.moment.wall_us).encode(),
        instants.write_column(picture.recorded_at, absent=NO_INSTANT),
        states,
        values,
    )


def column_text(metric: str, values: NDArray[np.float64]) -> bytes:
    """The values of one metric, which are rounded already; null where they are NaN."""
    if not METRICS[METRIC_INDEX[metric]].is_whole or not len(values):
        return orjson.dumps(values, option=orjson.OPT_SERIALIZE_NUMPY)
    is_absent = np.isnan(values)
    if not is_absent.any():
        return orjson.dumps(values.astype(np.int64), option=orjson.OPT_SERIALIZE_NUMPY)
    if is_absent.all():
        return b"[" + b"null," * (len(values) - 1) + b"null]"
    whole = np.where(is_absent, _ABSENT, values).astype(np.int64)
    return orjson.dumps(whole, option=orjson.OPT_SERIALIZE_NUMPY).replace(b"%d" % _ABSENT, b"null")
