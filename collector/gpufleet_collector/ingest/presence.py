"""Who may speak for a host name: the newest stream, but of two live agents that fight over it the older."""

from collections import OrderedDict
from dataclasses import dataclass, field

FIGHT_SECONDS = 300.0
"""An agent that comes back within this time after another took its name is alive: the two are fighting."""

MAX_REMEMBERED = 8
"""Agents remembered per host name; past it the one displaced longest ago is forgotten."""


MAX_IDLE_NAMES = 10_000


@dataclass(frozen=True, slots=True)
class Verdict:
    """Whether the new stream may speak, which stream it ends (its number), and whether a fight was seen just now, and
    then the id of the agent that lost it."""

    admitted: bool
    ends: int | None = None
    fight: bool = False
    loser: str = ""


@dataclass(slots=True)
class _Name:
    agent_id: str = ""
    stream: int | None = None
    displaced: dict[str, float] = field(default_factory=dict)
    losers: set[str] = field(default_factory=set)


class Presence:
    """The streams of all hosts by name. Time is monotonic seconds, passed in.

    Names without a stream are remembered for fights only, and at most `max_idle_names` of them: past it the one idle
    for longest is forgotten.
    """

    def __init__(self, max_idle_names: int = MAX_IDLE_NAMES) -> None:
        self._names: dict[str, _Name] = {}
        self._idle: OrderedDict[str, None] = OrderedDict()
        self._max_idle = max_idle_names

    def arrive(self, host: str, agent_id: str, stream: int, now: float) -> Verdict:
        """A stream with a Hello for `host` by the agent process `agent_id`."""
        name = self._names.setdefault(host, _Name())
        self._idle.pop(host, None)
        if name.stream is None or name.agent_id == agent_id:
            return self._admit(name, agent_id, stream)
        if agent_id in name.losers:
            return Verdict(admitted=False)
        was_displaced_at = name.displaced.pop(agent_id, None)
        if was_displaced_at is not None and now - was_displaced_at <= FIGHT_SECONDS:
            loser = name.agent_id
            name.losers.add(loser)
            return self._admit(name, agent_id, stream, fight=True, loser=loser)
        self._displace(name, now)
        return self._admit(name, agent_id, stream)

    def depart(self, host: str, stream: int) -> bool:
        """This stream has ended; whether it was the one that spoke for the host."""
        name = self._names.get(host)
        if name is None or name.stream != stream:
            return False
        name.stream = None
        name.losers.clear()
        if name.displaced:
            self._remember(host)
        else:
            del self._names[host]
        return True

    def _remember(self, host: str) -> None:
        self._idle[host] = None
        if len(self._idle) > self._max_idle:
            forgotten, _ = self._idle.popitem(last=False)
            del self._names[forgotten]

    def _admit(self, name: _Name, agent_id: str, stream: int, *, fight: bool = False, loser: str = "") -> Verdict:
        ends, name.stream, name.agent_id = name.stream, stream, agent_id
        return Verdict(admitted=True, ends=ends, fight=fight, loser=loser)

    def _displace(self, name: _Name, now: float) -> None:
        name.displaced[name.agent_id] = now
        while len(name.displaced) > MAX_REMEMBERED:
            del name.displaced[next(iter(name.displaced))]
