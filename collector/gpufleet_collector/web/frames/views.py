"""All views that somebody looks at: one for each selection, set of metrics and interval, however many its clients."""

import asyncio
import time
from collections.abc import Callable
from itertools import count

from gpufleet_collector.errors import BadRequest
from gpufleet_collector.live.live import Live
from gpufleet_collector.web.frames.outlet import Outlet
from gpufleet_collector.web.frames.showing import Showing
from gpufleet_collector.web.frames.view import FrameView
from gpufleet_collector.web.subscriptions import Subscription

MAX_VIEWS = 1_000
"""Views at the same time; who asks for one more is told so, and sees nothing until it asks for another."""

MAKING_SHARE = 0.25
"""Of a core, for the making of the frames of all views: where they would take more they come less often than asked."""


class FrameViews:
    """Makes a view when its first client comes, and ends it when the last one goes."""

    def __init__(self, live: Live, set_count: Callable[[float], None], max_views: int = MAX_VIEWS) -> None:
        self._live = live
        self._set_count = set_count
        self._max_views = max_views
        self._views: dict[Subscription, tuple[FrameView, Showing]] = {}
        self._numbers = count(1)

    def __len__(self) -> int:
        return len(self._views)

    def join(self, wanted: Subscription, outlet: Outlet) -> FrameView:
        """Raises BadRequest where there are too many views."""
        view = self._views[wanted][0] if wanted in self._views else self._open(wanted)
        view.join(outlet)
        return view

    def leave(self, view: FrameView, outlet: Outlet) -> None:
        """It gets nothing more of what this view shows. To be called once for every time that it joined."""
        view.leave(outlet)
        if not len(view):
            view.close()
            self._views.pop(view.wanted)[1].stop()
            self._set_count(len(self._views))

    def _open(self, wanted: Subscription) -> FrameView:
        if len(self._views) >= self._max_views:
            raise BadRequest(
                "format",
                f"{self._max_views} different views are watched already, and no more are made: ask for hosts, gpus, "
                "labels, metrics and interval_seconds as others do, or later",
            )
        happened = asyncio.Event()
        view = FrameView(self._live, wanted, time.monotonic, self._numbers.__next__, happened.set)
        self._views[wanted] = view, Showing(view, self._pace, happened)
        self._set_count(len(self._views))
        return view

    def _pace(self, making_seconds: float) -> float:
        """How long a view that takes so long has to wait from one frame to the next."""
        return making_seconds * len(self._views) / MAKING_SHARE
