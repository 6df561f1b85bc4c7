"""What the database remembers of readings is put on the board as what it is: as old as it says, and never newer."""

import math
from collections.abc import Iterable, Mapping

import numpy as np
from numpy.typing import NDArray

from gpufleet_collector.clock import Moment
from gpufleet_collector.live.board import Board
from gpufleet_collector.live.readings import TIERS
from gpufleet_collector.live.records import DEFAULT_INTERVAL_SECONDS, GpuRecord
from gpufleet_collector.model import SampleColumns

LONG_AGO = -1e12
"""Monotonic seconds: a reading of then is not the current value of anything."""


def recall(board: Board, gpus: Mapping[str, GpuRecord], samples: SampleColumns, moment: Moment) -> list[GpuRecord]:
    """Put samples from the database, of each GPU the oldest first, where nothing has been read yet. Returns the GPUs
    that show something else now.

    How often a host is read is not known until it is heard: as often as its samples come, and no less often than
    usual, so that nothing is current for longer than it would have been. Of a single sample there is no telling.
    """
    known = [(row, gpus[uuid]) for row, uuid in enumerate(samples.gpu_uuids) if uuid in gpus]
    samples, records = samples.only([row for row, _ in known]), [record for _, record in known]
    slots = np.array([record.slot for record in records], np.int64)
    for record, seconds in zip(records, _distances(slots, samples.recorded_at).tolist(), strict=True):
        if seconds < math.inf:
            record.host.suppose_interval(min(seconds, DEFAULT_INTERVAL_SECONDS))
    lasting = np.array([record.host.windows for record in records]).reshape(len(records), len(TIERS))
    received = _received(samples.recorded_at, moment)
    received[[not record.host.is_paced for record in records]] = LONG_AGO
    held = board.recall(slots, samples, lasting, received)
    return _once(record for record, is_held in zip(records, held.tolist(), strict=True) if is_held)


def _distances(slots: NDArray[np.int64], instants: NDArray[np.int64]) -> NDArray[np.float64]:
    """Seconds from each sample to the one before it of the same GPU; infinite without one."""
    seconds = np.full(len(slots), math.inf)
    is_same = slots[1:] == slots[:-1]
    seconds[1:][is_same] = np.diff(instants)[is_same] / 1e6
    return seconds


def _received(instants: NDArray[np.int64], moment: Moment) -> NDArray[np.float64]:
    """When they would have come, had they come at once. How old a sample from the future is nobody knows."""
    ages = (moment.wall_us - instants) / 1e6
    return np.where(ages >= 0, moment.monotonic - ages, LONG_AGO)


def _once(records: Iterable[GpuRecord]) -> list[GpuRecord]:
    return list({record.slot: record for record in records}.values())
