"""Who wants to be told of what."""

from collections.abc import Callable, Collection, Iterable
from itertools import chain

from gpufleet_collector.live.selection import Labels
from gpufleet_collector.live.subscriber import Due, Subscriber
from gpufleet_collector.model import PlacedEvent


class _Concerned:
    """Subscribers by what their selections rule out by name."""

    def __init__(self) -> None:
        self._anywhere: set[Subscriber] = set()
        self._by_host: dict[str, set[Subscriber]] = {}

    def __len__(self) -> int:
        return len(self._anywhere | set().union(*self._by_host.values()))

    def add(self, subscriber: Subscriber) -> None:
        if subscriber.selection.is_anywhere:
            self._anywhere.add(subscriber)
        for host in subscriber.selection.hosts:
            self._by_host.setdefault(host, set()).add(subscriber)

    def remove(self, subscriber: Subscriber) -> None:
        self._anywhere.discard(subscriber)
        for host in subscriber.selection.hosts & self._by_host.keys():
            self._by_host[host].discard(subscriber)
            if not self._by_host[host]:
                del self._by_host[host]

    def any_of(self, host: str) -> bool:
        return bool(self._anywhere) or host in self._by_host

    def of(self, host: str) -> Iterable[Subscriber]:
        return chain(self._anywhere, self._by_host.get(host, ()))


class Hub:
    """The subscribers. `count_superseded` is told how many pending changes gave way to newer ones, `count_dropped` how
    many events will never be told."""

    def __init__(self, count_superseded: Callable[[int], None], count_dropped: Callable[[int], None]) -> None:
        self._everybody = _Concerned()
        self._of_gpus = _Concerned()
        self._count_superseded = count_superseded
        self._count_dropped = count_dropped

    def __len__(self) -> int:
        return len(self._everybody)

    def add(self, subscriber: Subscriber) -> None:
        self._everybody.add(subscriber)
        if subscriber.wants_gpus:
            self._of_gpus.add(subscriber)

    def remove(self, subscriber: Subscriber) -> None:
        """No more events for this one. Safe for one that is not there."""
        self._everybody.remove(subscriber)
        self._of_gpus.remove(subscriber)

    def concerns(self, host: str) -> bool:
        """Whether anybody may want to be told of the GPUs of this host."""
        return self._of_gpus.any_of(host)

    def publish_gpus(self, host: str, gpu_uuids: Collection[str], labels: Labels) -> None:
        """These GPUs of one host, which has these labels, have something new to show."""
        superseded = 0
        for subscriber in self._of_gpus.of(host):
            selection = subscriber.selection
            if selection.admits(host, labels):
                gpus = selection.gpus
                superseded += subscriber.offer(Due("gpu", uuid) for uuid in gpu_uuids if not gpus or uuid in gpus)
        self._tell_superseded(superseded)

    def publish_host(self, host: str, gpu_uuids: Collection[str], labels: Labels) -> None:
        """The state of the host, which has these GPUs and labels, has changed."""
        superseded = 0
        for subscriber in self._everybody.of(host):
            if subscriber.selection.wants_host(host, gpu_uuids, labels):
                superseded += subscriber.offer((Due("host", host),))
        self._tell_superseded(superseded)

    def publish_event(self, placed: PlacedEvent, gpu_uuids: Collection[str], labels: Labels) -> None:
        """Something happened on a host, which has these GPUs and labels."""
        event, dropped = placed.event, 0
        for subscriber in self._everybody.of(event.host):
            if subscriber.selection.wants_event(event.host, event.gpu_uuid, gpu_uuids, labels):
                dropped += subscriber.happened(placed)
        if dropped:
            self._count_dropped(dropped)

    def _tell_superseded(self, number: int) -> None:
        if number:
            self._count_superseded(number)
