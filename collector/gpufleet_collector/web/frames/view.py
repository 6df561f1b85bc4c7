"""What clients see who look at the same GPUs and metrics at the same pace: made once for all of them."""

from collections.abc import Callable, Iterator

from gpufleet_collector.live.live import Live
from gpufleet_collector.live.picture import Roster
from gpufleet_collector.model import METRIC_INDEX, PlacedEvent
from gpufleet_collector.web.events import encode_bytes, happened_event, host_event
from gpufleet_collector.web.frames import encoding
from gpufleet_collector.web.frames.message import Message
from gpufleet_collector.web.frames.outlet import Outlet
from gpufleet_collector.web.subscriptions import Subscription

REUSE_SECONDS = 0.1
"""Who joins gets the latest frame if it is no older than this: a thousand who come at once cost no thousand frames."""

MAX_LAYOUT_SECONDS = 5.0
LAYOUT_GPUS_PER_SECOND = 2_000
"""A layout of n GPUs lasts for n / 2,000 s, and at most 5 s, before GPUs that come or go make another: a fleet that
joins does not have the whole list sent again every second. Until then those that went show nothing."""

NO_LAYOUT = -1


class FrameView:
    """`now` is monotonic seconds, `next_number` makes numbers of layouts, and `wake` is called when something has
    happened."""

    def __init__(
        self,
        live: Live,
        wanted: Subscription,
        now: Callable[[], float],
        next_number: Callable[[], int],
        wake: Callable[[], None],
    ) -> None:
        self.wanted = wanted
        self._live = live
        self._now = now
        self._next_number = next_number
        self._columns = [METRIC_INDEX[name] for name in wanted.metrics]
        self._has: dict[Outlet, int] = {}
        """The layout that each client has, or is about to get."""
        self._is_behind = False
        self._begin_layout(live.roster(wanted.selection))
        self.make()
        self._subscriber = live.subscribe(wanted.selection, wake, gpus=False)
        self._hosts: Message | None = None
        self._hosts_revision = NO_LAYOUT

    def __len__(self) -> int:
        return len(self._has)

    def __contains__(self, outlet: Outlet) -> bool:
        return outlet in self._has

    def clients(self) -> list[Outlet]:
        return list(self._has)

    def join(self, outlet: Outlet) -> None:
        """From now on this client gets everything, beginning with the current state."""
        if self._now() - self._made_at > REUSE_SECONDS:
            self.make()
        self._has[outlet] = NO_LAYOUT
        self.show(outlet)
        if (states := self._host_states()).pieces:
            outlet.tell(states)

    def leave(self, outlet: Outlet) -> None:
        self._has.pop(outlet, None)

    def close(self) -> None:
        self._live.unsubscribe(self._subscriber)

    # ------------------------------------------------------------------------------------------------------ frames

    def show(self, outlet: Outlet) -> None:
        """The latest frame."""
        layout = None if self._has[outlet] == self._number else self._layout
        self._has[outlet] = self._number
        outlet.show(self._frame, layout)

    def make(self) -> float:
        """The frame of this moment, and another layout where that is due; the seconds that it took."""
        began = self._now()
        if self._live.revision != self._roster.revision or (self._is_behind and began >= self._lasts_until):
            self._keep_up(began)
        picture = self._live.picture(self._roster, self._columns)
        self._frame = Message.of(encoding.frame_text(self._number, self.wanted.metrics, self._states, picture))
        self._made_at = self._now()
        return self._made_at - began

    def _keep_up(self, now: float) -> None:
        """With what has moved in the fleet."""
        self._is_behind = now < self._lasts_until
        live = self._live
        roster = live.followed(self._roster) if self._is_behind else live.roster(self.wanted.selection)
        if roster.rows != self._roster.rows:
            self._begin_layout(roster)
        else:
            self._take(roster)

    def _begin_layout(self, roster: Roster) -> None:
        self._take(roster)
        self._number = self._next_number()
        wanted = self.wanted
        self._layout = Message.of(encoding.layout_text(self._number, wanted.metrics, wanted.interval_seconds, roster))
        self._lasts_until = self._now() + min(MAX_LAYOUT_SECONDS, len(roster.rows) / LAYOUT_GPUS_PER_SECOND)

    def _take(self, roster: Roster) -> None:
        self._roster = roster
        self._states = encoding.states_text(roster)

    # ----------------------------------------------------------------------------------------------------- notices

    def notices(self) -> Message:
        """Everything that has happened and was not told yet."""
        self._hosts = None
        return Message.joined(self._told())

    def _host_states(self) -> Message:
        """Of all hosts that are selected; made again only after something has changed."""
        if self._hosts is None or len(self._subscriber) or self._hosts_revision != self._live.revision:
            hosts = self._live.hosts_of(self.wanted.selection)
            self._hosts = Message.joined(encode_bytes(host_event(view)) for view in hosts)
            self._hosts_revision = self._live.revision
        return self._hosts

    def _told(self) -> Iterator[bytes]:
        while (due := self._subscriber.take()) is not None:
            if isinstance(due, PlacedEvent):
                yield encode_bytes(happened_event(due))
            elif (view := self._live.host(due.name)) is not None:
                yield encode_bytes(host_event(view))
