"""Who was where, since and until: what an inventory changes about it, decided without a database."""

from bisect import bisect_right
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Place:
    """Where a GPU sits: host, the driver's index there, PCI slot."""

    host_id: int
    gpu_index: int | None
    pci_bus_id: str | None


@dataclass(slots=True)
class Placement:
    """A GPU in a place from `since` (included) until `until` (not included), microseconds; until None is now.

    `id` is None until it is stored."""

    gpu_id: int
    place: Place
    since: int
    until: int | None = None
    id: int | None = None

    def covers(self, instant: int) -> bool:
        return self.since <= instant and (self.until is None or instant < self.until)


@dataclass(slots=True)
class Ledger:
    """The latest placement of each GPU concerned, changed by one inventory after the other.

    A GPU has at most one placement at a time. The newest observation wins: a host that claims a GPU with an older one
    than that which put it elsewhere does not get it. When a host contradicts itself with an older observation, its
    clock was set back, and the change counts from now.
    """

    latest: dict[int, Placement]
    opened: dict[int, Placement] = field(default_factory=dict)
    """Placements to be stored, by identity of the object."""
    changed: dict[int, Placement] = field(default_factory=dict)
    """Stored placements to be written again, by id."""
    removed: set[int] = field(default_factory=set)
    """Ids of stored placements that turned out to be empty."""
    _on_host: dict[int, set[int]] = field(init=False, default_factory=dict)
    """Ids of the GPUs that are on a host now."""

    def __post_init__(self) -> None:
        for placement in self.latest.values():
            if placement.until is None:
                self._on_host.setdefault(placement.place.host_id, set()).add(placement.gpu_id)

    def declare(self, host_id: int, observed_at: int, now: int, claims: Mapping[int, Place]) -> None:
        """The host has exactly the GPUs of `claims` (by id) since `observed_at`. `now` is the collector's clock."""
        for gpu_id in self._on_host.get(host_id, set()) - claims.keys():
            placement = self.latest[gpu_id]
            self._close(placement, _change_instant(placement, observed_at, now))
        for gpu_id, place in claims.items():
            self._claim(gpu_id, place, observed_at, now)

    def _claim(self, gpu_id: int, place: Place, observed_at: int, now: int) -> None:
        last = self.latest.get(gpu_id)
        if last is None:
            self._open(gpu_id, place, observed_at)
        elif last.until is not None:
            self._open(gpu_id, place, max(observed_at, last.until))
        elif last.place != place and (observed_at > last.since or last.place.host_id == place.host_id):
            instant = _change_instant(last, observed_at, now)
            self._close(last, instant)
            self._open(gpu_id, place, instant)

    def _open(self, gpu_id: int, place: Place, since: int) -> None:
        placement = Placement(gpu_id, place, since)
        self.latest[gpu_id] = placement
        self._on_host.setdefault(place.host_id, set()).add(gpu_id)
        self.opened[id(placement)] = placement

    def _close(self, placement: Placement, instant: int) -> None:
        placement.until = instant
        self._on_host[placement.place.host_id].discard(placement.gpu_id)
        empty = instant <= placement.since
        if placement.id is None:
            if empty:
                del self.opened[id(placement)]
        elif empty:
            self.removed.add(placement.id)
            self.changed.pop(placement.id, None)
        else:
            self.changed[placement.id] = placement


def _change_instant(placement: Placement, observed_at: int, now: int) -> int:
    return observed_at if observed_at > placement.since else max(now, placement.since)


def placement_at(history: Sequence[Placement], instant: int) -> Placement | None:
    """The placement that covers `instant`, of one GPU's placements sorted by `since`."""
    position = bisect_right(history, instant, key=lambda placement: placement.since)
    found = history[position - 1] if position else None
    return found if found is not None and found.covers(instant) else None


def reach_back(history: Sequence[Placement], host_id: int, instants: Iterable[int]) -> list[Placement]:
    """The placements that must begin earlier, with their `since` moved, so that samples which this host took at
    `instants` lie in a placement of it: the one that follows, when it is of this host and nothing is in between.

    `history` holds one GPU's placements sorted by `since`; they are changed in place."""
    moved: dict[int, Placement] = {}
    for instant in sorted(instants, reverse=True):
        position = bisect_right(history, instant, key=lambda placement: placement.since)
        covered = position > 0 and history[position - 1].covers(instant)
        following = history[position] if position < len(history) else None
        if not covered and following is not None and following.place.host_id == host_id:
            following.since = instant
            moved[position] = following
    return list(moved.values())
