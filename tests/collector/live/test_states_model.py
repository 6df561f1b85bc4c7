"""The states of hosts against a plain model, for any order of what agents and time do, and across restarts."""

from dataclasses import dataclass

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from fakes.clock import FakeClock
from fakes.fleet import agent, inventory, sample
from gpufleet_collector.live.live import Live
from gpufleet_collector.live.selection import Selection
from gpufleet_collector.live.subscriber import Due
from gpufleet_collector.model import AgentCost, KnownHost
from gpufleet_collector.selfmetrics import SelfMetrics

HOSTS = ("a", "b", "c")
INTERVALS = (0.5, 5.0, 30.0, 300.0)
DOWN_AFTER, FORGET_AFTER = 60.0, 5_000.0
hosts = st.sampled_from(HOSTS)


@dataclass
class Known:
    """What the model holds of a host. `heard` is None until the collector that runs has heard of it."""

    seen_wall: int
    quiet_since: float
    heard: float | None = None
    left_wall: int | None = None
    up_wall: int = 0
    interval: float = 5.0
    stream: bool = False

    def change(self, now: float, wall: int, unknown_since: int) -> tuple[str, int]:
        """The state at the moment, and since when, in microseconds of the wall clock."""
        if self.left_wall is not None:
            return "left", self.left_wall
        if self.heard is None:
            return "unknown", unknown_since
        period = max(5.0, self.interval)
        for state, after in (("down", max(DOWN_AFTER, 3 * period)), ("late", 2 * period)):
            if now - self.heard >= after:
                return state, wall - round((now - self.heard - after) * 1e6)
        return "up", self.up_wall


class HostStates(RuleBasedStateMachine):
    """A subscriber listens all the time: it is told of a state exactly when it changes."""

    def __init__(self) -> None:
        super().__init__()
        self.clock = FakeClock()
        self.known: dict[str, Known] = {}
        self.told: dict[str, str] = {}
        self.start()

    @property
    def now(self) -> float:
        return self.clock.moment.monotonic

    @property
    def wall(self) -> int:
        return self.clock.moment.wall_us

    def start(self) -> None:
        self.started_wall = self.wall
        self.live = Live(self.clock, SelfMetrics(), down_after_seconds=DOWN_AFTER, forget_after_seconds=FORGET_AFTER)
        self.live.restore(
            KnownHost(host, known.seen_wall, agent(), inventory(host), known.left_wall)
            for host, known in self.known.items()
        )
        self.subscriber = self.live.subscribe(Selection(), lambda: None)
        self.told = {view.host: view.state for view in self.live.hosts((), None, 10)}
        self.listen()

    def listen(self) -> set[str]:
        """Who was told to have changed state."""
        changed = set()
        while (due := self.subscriber.take()) is not None:
            if isinstance(due, Due) and due.kind == "host":
                changed.add(due.name)
        return changed

    def hear(self, host: str) -> None:
        known = self.known[host]
        if self.told.get(host) != "up":
            known.up_wall = self.wall
        known.heard = known.quiet_since = self.now
        known.seen_wall = self.wall

    @rule(host=hosts, interval=st.sampled_from(INTERVALS))
    def connects(self, host: str, interval: float) -> None:
        self.live.connected(host, agent(), inventory(host), interval, 0.0)
        known = self.known.setdefault(host, Known(self.wall, self.now))
        known.interval, known.left_wall, known.stream = interval, None, True
        self.hear(host)

    @rule(host=hosts, interval=st.sampled_from(INTERVALS))
    def beats(self, host: str, interval: float) -> None:
        if (known := self.known.get(host)) is not None and known.stream:
            self.live.heartbeat(host, AgentCost(), interval, 0.0)
            known.interval = interval
            self.hear(host)

    @rule(host=hosts)
    def reports(self, host: str) -> None:
        if (known := self.known.get(host)) is not None and known.stream:
            self.live.samples(host, [sample(host, self.now, power_watts=1.0)])
            self.hear(host)

    @rule(host=hosts, clean=st.booleans())
    def disconnects(self, host: str, clean: bool) -> None:
        if (known := self.known.get(host)) is not None and known.stream:
            self.live.disconnected(host, clean)
            known.stream = False
            if clean:
                known.left_wall = self.wall

    @rule(seconds=st.sampled_from([0.4, 3.0, 5.0, 10.0, 25.0, 50.0, 600.0, 4_000.0]))
    def time_passes(self, seconds: float) -> None:
        self.clock.advance(seconds)
        self.live.refresh()
        for host, known in list(self.known.items()):
            is_gone = known.change(self.now, self.wall, 0)[0] in ("down", "left", "unknown")
            if is_gone and self.now - known.quiet_since >= FORGET_AFTER:
                del self.known[host]
                self.told.pop(host, None)

    @precondition(lambda self: self.known)
    @rule()
    def the_collector_starts_again(self) -> None:
        for known in self.known.values():
            known.heard, known.interval, known.stream = None, 5.0, False
        self.start()

    @invariant()
    def every_state_is_that_of_the_model_and_was_told(self) -> None:
        shown = {view.host: view for view in self.live.hosts((), None, 10)}
        assert shown.keys() == self.known.keys()
        changed = self.listen()
        for host, known in self.known.items():
            state, since = known.change(self.now, self.wall, self.started_wall)
            view = shown[host]
            assert view.state == state
            assert view.last_seen == known.seen_wall
            assert abs(view.since - since) <= 1
            assert (gpu := self.live.gpu(host)) is not None and gpu.host_state == state
            if self.told.get(host, "unknown") != state:
                assert host in changed
            self.told[host] = state


TestHostStates = HostStates.TestCase
