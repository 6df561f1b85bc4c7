"""Which events were shown lately, so that one that is sent again is not shown twice."""

from collections import OrderedDict

MAX_RECENT = 10_000
"""Ids remembered; beyond it the oldest is forgotten."""


class RecentEvents:
    """Ids in the order in which they came."""

    def __init__(self, most: int = MAX_RECENT) -> None:
        self._most = most
        self._ids: OrderedDict[str, None] = OrderedDict()

    def is_new(self, event_id: str) -> bool:
        """Whether the event was not seen lately; from now on it was."""
        if event_id in self._ids:
            return False
        self._ids[event_id] = None
        if len(self._ids) > self._most:
            self._ids.popitem(last=False)
        return True
