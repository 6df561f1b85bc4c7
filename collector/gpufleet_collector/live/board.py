"""The newest readings of all GPUs by column: one slot per GPU, so that many samples are taken in at once."""

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gpufleet_collector.live.readings import COLUMNS_OF_TIER, CORE, TIERS, Freshness, Windows
from gpufleet_collector.model import SampleColumns, Values, to_values
from gpufleet_proto.catalog import METRICS

FIRST_SLOTS = 1024
NEVER = -np.inf


def stretches(columns: Sequence[int]) -> Iterator[slice]:
    """Ascending positions as ranges of neighbours."""
    start = 0
    for at in range(1, len(columns) + 1):
        if at == len(columns) or columns[at] != columns[at - 1] + 1:
            yield slice(columns[start], columns[at - 1] + 1)
            start = at


_COLUMNS = tuple(np.array(columns) for columns in COLUMNS_OF_TIER)
_STRETCHES = tuple(tuple(stretches(columns)) for columns in COLUMNS_OF_TIER)
"""The same by stretches of neighbouring columns, which numpy copies whole."""


class Board:
    """`recorded_at` is the agent's wall clock in microseconds and `received` monotonic seconds of the reading that each
    tier holds, and `ends` when that stops being the current value, [slots, tiers]; `values` is [slots, metrics], NaN
    where absent; `claimed_at` is the newest instant at which a host said that the GPU is its own (that host's wall
    clock); `versions` are new, and never used before, with every change of what is shown, except freshness and what
    belongs to the host."""

    def __init__(self, slots: int = FIRST_SLOTS) -> None:
        self.values = np.full((slots, len(METRICS)), np.nan)
        self.recorded_at = np.zeros((slots, len(TIERS)), np.int64)
        self.received = np.full((slots, len(TIERS)), NEVER)
        self.ends = np.full((slots, len(TIERS)), NEVER)
        self.claimed_at = np.zeros(slots, np.int64)
        self.versions = np.zeros(slots, np.int64)
        self._scratch = np.empty(slots, np.int64)
        self._free = list(range(slots - 1, -1, -1))
        self._next_version = 0

    def add(self, claimed_at: int) -> int:
        """A slot for one more GPU, with nothing read yet."""
        if not self._free:
            self._grow()
        slot = self._free.pop()
        self.values[slot] = np.nan
        self.received[slot] = NEVER
        self.ends[slot] = NEVER
        self.claimed_at[slot] = claimed_at
        self.touch(slot)
        return slot

    def remove(self, slot: int) -> None:
        self._free.append(slot)

    def touch(self, slot: int) -> None:
        """Something else that is shown of the GPU has changed."""
        self.versions[slot] = self._next_version
        self._next_version += 1

    def claim(self, slot: int, instant: int) -> None:
        self.claimed_at[slot] = max(int(self.claimed_at[slot]), instant)

    def accept(
        self, slots: NDArray[np.int64], samples: SampleColumns, lasting: NDArray[np.float64], now: float
    ) -> NDArray[np.bool_]:
        """Put the tiers of samples in place of older ones: sample i in `slots[i]`, where readings last `lasting[i]`
        seconds by tier. Returns which samples changed anything; of several of one GPU the newest does.

        An older instant never takes the place of a current reading. It does take the place of one that is no longer
        current: otherwise a host whose clock was set back would show nothing until its clock has caught up.
        """
        instants, present = samples.recorded_at, samples.values == samples.values
        changed = np.zeros(len(slots), np.bool_)
        order = None if self._last_of_each(slots).all() else _oldest_first(instants)
        for tier, wide in enumerate(_STRETCHES):
            carried = np.logical_or.reduce([present[:, some].any(axis=1) for some in wide])
            is_newer = instants > self.recorded_at[slots, tier]
            is_stale = ~(now - self.received[slots, tier] <= lasting[:, tier])
            taken = carried & (is_newer | is_stale)
            rows = np.flatnonzero(taken) if order is None else self._newest(order[taken[order]], slots)
            if not len(rows):
                continue
            places = slots[rows]
            self.recorded_at[places, tier] = instants[rows]
            for some in wide:
                self.values[places, some] = samples.values[rows, some]
            self.received[places, tier] = now
            self.ends[places, tier] = now + lasting[rows, tier]
            changed[rows] = True
        self._mark(slots[changed], instants[changed])
        return changed

    def merge(
        self,
        slots: NDArray[np.int64],
        recorded_at: NDArray[np.int64],
        received: NDArray[np.float64],
        values: NDArray[np.float64],
        lasting: NDArray[np.float64],
        now: float,
    ) -> NDArray[np.bool_]:
        """Put readings that another collector holds in place of older ones: row i in `slots[i]`, each slot once.
        Returns which rows changed anything. A reading that is current gives way to a current one that is newer; one
        that is not, to any that is newer, and to a current one whatever their instants."""
        changed = np.zeros(len(slots), np.bool_)
        for tier, columns in enumerate(_COLUMNS):
            mine, theirs = self.received[slots, tier], received[:, tier]
            is_newer = recorded_at[:, tier] > self.recorded_at[slots, tier]
            is_other = recorded_at[:, tier] != self.recorded_at[slots, tier]
            is_current = now - theirs <= lasting[:, tier]
            is_stale = ~(now - mine <= lasting[:, tier])
            is_better = np.where(is_stale, is_newer | (is_current & is_other), is_newer & is_current)
            rows = np.flatnonzero(is_better & (theirs > NEVER))
            self.recorded_at[slots[rows], tier] = recorded_at[rows, tier]
            self.values[slots[rows][:, None], columns] = values[rows[:, None], columns]
            self.received[slots[rows], tier] = theirs[rows]
            self.ends[slots[rows], tier] = theirs[rows] + lasting[rows, tier]
            changed[rows] = True
        self._mark(slots[changed], np.where(received > NEVER, recorded_at, 0).max(axis=1, initial=0)[changed])
        return changed

    def recall(
        self,
        slots: NDArray[np.int64],
        samples: SampleColumns,
        lasting: NDArray[np.float64],
        received: NDArray[np.float64],
    ) -> NDArray[np.bool_]:
        """Put samples of the past, oldest first, where nothing was read since this board was made: sample i in
        `slots[i]`, as if it had come at `received[i]`. Returns which of them are held now."""
        held = np.zeros(len(slots), np.bool_)
        for tier, columns in enumerate(_COLUMNS):
            carried = ~np.isnan(samples.values[:, columns]).all(axis=1)
            rows = np.flatnonzero(carried & (self.received[slots, tier] == NEVER))
            self.recorded_at[slots[rows], tier] = samples.recorded_at[rows]
            self.values[slots[rows][:, None], columns] = samples.values[rows[:, None], columns]
            self.received[slots[rows], tier] = received[rows]
            self.ends[slots[rows], tier] = received[rows] + lasting[rows, tier]
            held[rows] = True
        for slot in set(slots[held].tolist()):
            self.touch(slot)
        return held

    def set_lasting(self, slot: int, lasting: Windows) -> None:
        """The readings that the slot holds are current for so long."""
        self.ends[slot] = self.received[slot] + lasting

    def lapsed(self, since: float, until: float) -> NDArray[np.int64]:
        """Slots of which a reading stopped being the current value in [since, until)."""
        return np.flatnonzero(((self.ends >= since) & (self.ends < until)).any(axis=1))

    def freshness(self, slot: int, lasting: Windows, now: float) -> Freshness:
        """Which tiers have a current value."""
        received = self.received[slot].tolist()
        return tuple([now - at <= window for at, window in zip(received, lasting, strict=True)])

    def current(self, slot: int, fresh: Sequence[bool]) -> Values:
        """The current value of every metric: absent where its tier is not fresh."""
        row = self.values[slot]
        if not all(fresh):
            row = row.copy()
            for columns, is_fresh in zip(_COLUMNS, fresh, strict=True):
                if not is_fresh:
                    row[columns] = np.nan
        return to_values(row)

    def current_of(self, slots: NDArray[np.int64], lasting: NDArray[np.float64], now: float) -> NDArray[np.float64]:
        """The current values of many GPUs, [slots, metrics], NaN where absent; `lasting` as for `accept`."""
        values = self.values[slots]
        for tier, columns in enumerate(_COLUMNS):
            is_stale = ~(now - self.received[slots, tier] <= lasting[:, tier])
            values[np.ix_(is_stale, columns)] = np.nan
        return values

    def core_recorded_at(self, slot: int) -> int | None:
        """Instant of the newest core tick, however old."""
        return None if self.received[slot, CORE] == NEVER else int(self.recorded_at[slot, CORE])

    def _newest(self, oldest_first: NDArray[np.int64], slots: NDArray[np.int64]) -> NDArray[np.int64]:
        """Of several of these rows that have one slot the newest."""
        return oldest_first[self._last_of_each(slots[oldest_first])]

    def _last_of_each(self, slots: NDArray[np.int64]) -> NDArray[np.bool_]:
        """Where each slot is named for the last time."""
        positions = np.arange(len(slots))
        self._scratch[slots] = positions  # where a slot comes twice, numpy keeps what is assigned last
        last: NDArray[np.bool_] = self._scratch[slots] == positions
        return last

    def _mark(self, slots: NDArray[np.int64], instants: NDArray[np.int64]) -> None:
        np.maximum.at(self.claimed_at, slots, instants)
        self.versions[slots] = np.arange(self._next_version, self._next_version + len(slots))
        self._next_version += len(slots)

    def _grow(self) -> None:
        """By a quarter: half a kilobyte a slot is too much to have twice as many as there are GPUs."""
        size = len(self.versions)
        more = max(FIRST_SLOTS, size // 4)

        def longer(column: NDArray[Any], value: float) -> NDArray[Any]:
            return np.concatenate([column, np.full((more, *column.shape[1:]), value, column.dtype)])

        self.values = longer(self.values, np.nan)
        self.recorded_at = longer(self.recorded_at, 0)
        self.received = longer(self.received, NEVER)
        self.ends = longer(self.ends, NEVER)
        self.claimed_at = longer(self.claimed_at, 0)
        self.versions = longer(self.versions, 0)
        self._scratch = np.empty(size + more, np.int64)
        self._free = list(range(size + more - 1, size - 1, -1))


def _oldest_first(instants: NDArray[np.int64]) -> NDArray[np.int64]:
    """Positions by instant; of equal ones the first comes last."""
    backwards = np.argsort(instants[::-1], kind="stable")
    positions: NDArray[np.int64] = len(instants) - 1 - backwards
    return positions
