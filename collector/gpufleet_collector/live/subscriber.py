"""What one subscriber has not been told yet. What happened (`PlacedEvent`) is told once; of a GPU or host that
changed (`Due`), what there is to say is looked up when it is told."""

from collections import OrderedDict, deque
from collections.abc import Callable, Iterable
from typing import Literal, NamedTuple

from gpufleet_collector.live.selection import Selection
from gpufleet_collector.model import PlacedEvent

MAX_PENDING = 250_000
"""Events waiting for one subscriber, at most one per GPU and one per host; beyond it the oldest is dropped."""

MAX_PENDING_EVENTS = 1_000
"""Events of hosts and GPUs waiting for one subscriber; beyond it the oldest is dropped, and counted."""


class Due(NamedTuple):
    """Something that a subscriber is to be told about; what there is to say is looked up when it is told."""

    kind: Literal["gpu", "host"]
    name: str


class Subscriber:
    """What one subscriber has not been told yet: at most one change per GPU and host, the newest, and everything that
    happened, up to a bound."""

    __slots__ = ("_gpus", "_happened", "_hosts", "_wake", "max_events", "max_pending", "selection", "wants_gpus")

    def __init__(
        self,
        selection: Selection,
        wake: Callable[[], None],
        max_pending: int = MAX_PENDING,
        max_events: int = MAX_PENDING_EVENTS,
        *,
        wants_gpus: bool = True,
    ) -> None:
        """One that does not want GPUs is told of hosts and of what happened, and looks at GPUs by itself."""
        self.selection = selection
        self.wants_gpus = wants_gpus
        self.max_pending = max_pending
        self.max_events = max_events
        self._happened: deque[PlacedEvent] = deque()
        self._wake = wake
        self._hosts: OrderedDict[Due, None] = OrderedDict()
        self._gpus: OrderedDict[Due, None] = OrderedDict()

    def __len__(self) -> int:
        return len(self._happened) + len(self._hosts) + len(self._gpus)

    @property
    def pending_gpus(self) -> int:
        return len(self._gpus)

    def offer(self, dues: Iterable[Due]) -> int:
        """Add to what is pending. Returns how many pending events were superseded or dropped thereby."""
        superseded = 0
        for due in dues:
            pending = self._gpus if due.kind == "gpu" else self._hosts
            superseded += due in pending
            pending[due] = None
        while len(self._gpus) + len(self._hosts) > self.max_pending:
            (self._gpus or self._hosts).popitem(last=False)
            superseded += 1
        if self._gpus or self._hosts:
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
        """What has waited longest, news before GPUs, no longer pending; None when there is nothing."""
        news = self.take_news()
        return self.take_gpu() if news is None else news

    def take_news(self) -> Due | PlacedEvent | None:
        """What happened, then hosts that changed, no longer pending; None when there is nothing."""
        if self._happened:
            return self._happened.popleft()
        return self._hosts.popitem(last=False)[0] if self._hosts else None

    def take_gpu(self) -> Due | None:
        """The GPU that has waited longest, no longer pending; None when there is none."""
        return self._gpus.popitem(last=False)[0] if self._gpus else None
