"""What many GPUs show at one moment, by column: the GPUs stay in their rows for as long as nothing moves."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from gpufleet_collector.clock import Moment
from gpufleet_collector.live.board import NEVER, Board
from gpufleet_collector.live.readings import COLUMNS_OF_TIER, CORE
from gpufleet_proto.catalog import METRICS

NOWHERE = -1
"""The slot of a GPU that is no longer where its row says."""
NO_INSTANT = -1

_TIER_OF = np.zeros(len(METRICS), np.int64)
for _tier, _columns in enumerate(COLUMNS_OF_TIER):
    _TIER_OF[list(_columns)] = _tier


class Row(NamedTuple):
    """Which GPU a row is about, and what does not change from one picture to the next."""

    host: str
    gpu_uuid: str
    gpu_index: int | None
    gpu_name: str | None
    parent_uuid: str | None
    mig_profile: str | None
    simulated: bool


@dataclass(frozen=True, slots=True, eq=False)
class Roster:
    """The GPUs of a picture, in the order of every list, as they were at `revision` of the fleet: with their states and
    their `slots` on the board."""

    revision: int
    rows: tuple[Row, ...]
    states: tuple[str, ...]
    slots: NDArray[np.int64]


@dataclass(frozen=True, slots=True, eq=False)
class Picture:
    """`recorded_at` is the instant of each row's newest core tick, NO_INSTANT if there was none; `values` are current,
    [metrics, rows], NaN where there is none."""

    moment: Moment
    recorded_at: NDArray[np.int64]
    values: NDArray[np.float64]


def picture(board: Board, roster: Roster, columns: Sequence[int], moment: Moment) -> Picture:
    """What the rows show now, of the metrics at these positions in METRICS."""
    slots, gone = roster.slots, roster.slots == NOWHERE
    recorded_at = board.recorded_at[slots, CORE]
    recorded_at[gone | (board.received[slots, CORE] == NEVER)] = NO_INSTANT
    is_old = ~(moment.monotonic <= board.ends[slots])
    is_old[gone] = True
    wanted = np.array(columns, np.int64)
    values = np.ascontiguousarray(board.values[slots[:, None], wanted].T)
    values[is_old.T[_TIER_OF[wanted]]] = np.nan
    return Picture(moment, recorded_at, values)
