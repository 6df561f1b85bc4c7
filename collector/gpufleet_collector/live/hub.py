"""Who wants to be told of what, and what each of them has not been told yet. Something that happened (`PlacedEvent`) is
told once; of a GPU or host that changed (`Due`), what there is to say is looked up when it is told."""

from collections import OrderedDict, deque
from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass
from itertools import chain
from typing import Literal, NamedTuple

from gpufleet_collector.model import PlacedEvent

MAX_PENDING = 250_000
"""Events waiting for one subscriber, at most one per GPU and one per host; beyond it the oldest is dropped."""

MAX_PENDING_EVENTS = 1_000
"""Events of hosts and GPUs waiting for one subscriber; beyond it the oldest is dropped, and counted."""


class Due(NamedTuple):
    """Something that a subscriber is to be told about; what there is to say is looked up when it is told."""

    kind: Literal["gpu", "host"]
    name: str


@dataclass(frozen=True, slots=True)
class Selection:
    """Which hosts and GPUs a subscriber wants; an empty set does not restrict."""

    hosts: frozenset[str] = frozenset()
    gpus: frozenset[str] = frozenset()

    @property
    def is_anywhere(self) -> bool:
        return not self.hosts

    @property
    def is_everything(self) -> bool:
        return not self.hosts and not self.gpus

    def wants_gpu(self, host: str, gpu_uuid: str) -> bool:
        return (not self.hosts or host in self.hosts) and (not self.gpus or gpu_uuid in self.gpus)

    def wants_event(self, host: str, gpu_uuid: str | None, gpu_uuids: Collection[str]) -> bool:
        """Whether something that happened to the GPU, or to the host, which has these GPUs, matters."""
        return self.wants_host(host, gpu_uuids) if gpu_uuid is None else self.wants_gpu(host, gpu_uuid)

    def wants_host(self, host: str, gpu_uuids: Collection[str]) -> bool:
        """Whether the state of the host, which has these GPUs, matters to what was selected."""
        if self.hosts and host not in self.hosts:
            return False
        return not self.gpus or not self.gpus.isdisjoint(gpu_uuids)


class Subscriber:
    """What one subscriber has not been told yet: at most one change per GPU and host, the newest, and everything that
    happened, up to a bound."""

    __slots__ = ("_happened", "_pending", "_wake", "max_events", "max_pending", "selection")

    def __init__(
        self,
        selection: Selection,
        wake: Callable[[], None],
        max_pending: int = MAX_PENDING,
        max_events: int = MAX_PENDING_EVENTS,
    ) -> None:
        self.selection = selection
        self.max_pending = max_pending
        self.max_events = max_events
        self._happened: deque[PlacedEvent] = deque()
        self._wake = wake
        self._pending: OrderedDict[Due, None] = OrderedDict()

    def __len__(self) -> int:
        return len(self._happened) + len(self._pending)

    def offer(self, dues: Iterable[Due]) -> int:
        """Add to what is pending. Returns how many pending events were superseded or dropped thereby."""
        superseded = 0
        for due in dues:
            superseded += due in self._pending
            self._pending[due] = None
        while len(self._pending) > self.max_pending:
            self._pending.popitem(last=False)
            superseded += 1
        if self._pending:
            self._wake()
        return superseded

    def happened(self, event: PlacedEvent) -> int:
        """Add to what is pending. Returns how many pending events were dropped thereby."""
        self._happened.append(event)
        dropped = len(self._happened) - self.max_events
        for _ in range(dropped):
            self._happened.popleft()
        self._wake()
        return max(0, dropped)

    def take(self) -> Due | PlacedEvent | None:
        """What has waited longest, events first, no longer pending; None when there is nothing."""
        if self._happened:
            return self._happened.popleft()
        return self._pending.popitem(last=False)[0] if self._pending else None


class Hub:
    """The subscribers. `count_superseded` is told how many pending changes gave way to newer ones, `count_dropped` how
    many events will never be told."""

    def __init__(self, count_superseded: Callable[[int], None], count_dropped: Callable[[int], None]) -> None:
        self._anywhere: set[Subscriber] = set()
        self._by_host: dict[str, set[Subscriber]] = {}
        self._count_superseded = count_superseded
        self._count_dropped = count_dropped

    def __len__(self) -> int:
        return len(self._anywhere | set().union(*self._by_host.values()))

    def add(self, subscriber: Subscriber) -> None:
        if subscriber.selection.is_anywhere:
            self._anywhere.add(subscriber)
        for host in subscriber.selection.hosts:
            self._by_host.setdefault(host, set()).add(subscriber)

    def remove(self, subscriber: Subscriber) -> None:
        """No more events for this one. Safe for one that is not there."""
        self._anywhere.discard(subscriber)
        for host in subscriber.selection.hosts & self._by_host.keys():
            self._by_host[host].discard(subscriber)
            if not self._by_host[host]:
                del self._by_host[host]

    def concerns(self, host: str) -> bool:
        """Whether anybody may want to be told of this host."""
        return bool(self._anywhere) or host in self._by_host

    def publish_gpus(self, host: str, gpu_uuids: Collection[str]) -> None:
        """These GPUs of one host have something new to show."""
        superseded = 0
        for subscriber in self._concerned(host):
            wants = subscriber.selection.wants_gpu
            superseded += subscriber.offer(Due("gpu", uuid) for uuid in gpu_uuids if wants(host, uuid))
        self._tell_superseded(superseded)

    def publish_host(self, host: str, gpu_uuids: Collection[str]) -> None:
        """The state of the host, which has these GPUs, has changed."""
        superseded = 0
        for subscriber in self._concerned(host):
            if subscriber.selection.wants_host(host, gpu_uuids):
                superseded += subscriber.offer((Due("host", host),))
        self._tell_superseded(superseded)

    def publish_event(self, placed: PlacedEvent, gpu_uuids: Collection[str]) -> None:
        """Something happened on a host, which has these GPUs."""
        event, dropped = placed.event, 0
        for subscriber in self._concerned(event.host):
            if subscriber.selection.wants_event(event.host, event.gpu_uuid, gpu_uuids):
                dropped += subscriber.happened(placed)
        if dropped:
            self._count_dropped(dropped)

    def _concerned(self, host: str) -> Iterable[Subscriber]:
        """Those whose selection does not rule this host out by name."""
        return chain(self._anywhere, self._by_host.get(host, ()))

    def _tell_superseded(self, number: int) -> None:
        if number:
            self._count_superseded(number)
