"""Collectors on a bus against a plain model: whatever is lost, doubled, held up or out of order, in the end all show
the newest of every GPU, and every host at the collector that its agent streams to."""

from hypothesis import Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, precondition, rule

from fakes.clock import START_US
from fakes.ether import Ether, Side, odd_clock
from fakes.fleet import agent, inventory, values
from gpufleet_collector.model import METRIC_INDEX, AgentCost, Sample

COLLECTORS = ("a", "b", "c")
HOSTS = {"h": ("x", "y"), "i": ("z",)}
INTERVAL = 600.0
"""So long that nothing grows old meanwhile."""

HEALING_ROUNDS = 6
A_MOMENT = 0.001
"""Real clocks never read the same twice, which is how a host that was heard again is told from one that was not."""

collectors, hosts = st.sampled_from(COLLECTORS), st.sampled_from(sorted(HOSTS))
positions = st.integers(0, 50)


class BusMachine(RuleBasedStateMachine):
    """The model knows the newest sample of every GPU that any collector took, and where each host streams to."""

    def __init__(self) -> None:
        super().__init__()
        self.ether = Ether()
        self.starts = 0
        for name in COLLECTORS:
            self.start(name)
        self.streams: dict[str, str] = {}
        self.labels: dict[str, str] = {}
        self.newest: dict[str, tuple[int, float]] = {}
        self.instant = START_US
        self.was_killed = False

    def start(self, name: str) -> None:
        self.starts += 1
        self.ether.join(f"{name}{self.starts}", odd_clock(self.starts))

    def side(self, name: str) -> Side:
        return next(side for key, side in self.ether.sides.items() if key[0] == name)

    def at(self, host: str) -> Side:
        return self.side(self.streams[host])

    @initialize()
    def all_is_well_at_first(self) -> None:
        for host, to in zip(HOSTS, COLLECTORS, strict=False):
            self.a_host_connects(host, to)
        self.nothing_goes_wrong_for_a_while()

    # ------------------------------------------------------------------------------------------------------ agents

    @rule(host=hosts, to=collectors)
    def a_host_connects(self, host: str, to: str) -> None:
        if host in self.streams:
            self.at(host).live.disconnected(host, clean=False)
        self.streams[host], self.labels[host] = to, f"stream-{self.instant}"
        self.ether.advance(0.1)
        hello = agent({"stream": self.labels[host]})
        self.side(to).live.connected(host, hello, inventory(*HOSTS[host]), INTERVAL, 0.0)

    @precondition(lambda self: self.streams)
    @rule(data=st.data(), watts=st.integers(0, 700))
    def a_host_reports(self, data: st.DataObject, watts: int) -> None:
        host = data.draw(st.sampled_from(sorted(self.streams)))
        self.report(host, data.draw(st.sampled_from(HOSTS[host])), float(watts))

    def report(self, host: str, gpu: str, watts: float) -> None:
        self.instant += 1_000_000
        self.ether.advance(A_MOMENT)
        self.newest[gpu] = (self.instant, watts)
        self.at(host).live.samples(host, [Sample(gpu, self.instant, values(power_watts=watts))])

    @precondition(lambda self: self.streams)
    @rule(data=st.data())
    def a_host_beats(self, data: st.DataObject) -> None:
        self.beat(data.draw(st.sampled_from(sorted(self.streams))))

    def beat(self, host: str) -> None:
        self.at(host).live.heartbeat(host, AgentCost(), INTERVAL, 0.0)

    # ---------------------------------------------------------------------------------------------------- messages

    @rule(seconds=st.sampled_from([0.2, 1.0, 3.0]))
    def time_passes(self, seconds: float) -> None:
        self.ether.advance(seconds)

    @rule(name=collectors)
    def a_collector_tells(self, name: str) -> None:
        self.side(name).step()

    @rule()
    def everything_arrives(self) -> None:
        self.ether.deliver()

    @precondition(lambda self: self.ether.on_their_way)
    @rule(at=positions, becomes=st.sampled_from(["lost", "early", "doubled"]))
    def a_message_fares_ill(self, at: int, becomes: str) -> None:
        parcels = self.ether.on_their_way
        parcel = parcels[at % len(parcels)]
        if becomes != "doubled":
            parcels.remove(parcel)
        if becomes != "lost":
            self.ether.arrive(parcel)

    @precondition(lambda self: self.streams)
    @rule(data=st.data(), to=positions)
    def a_report_is_told_and_lost(self, data: st.DataObject, to: int) -> None:
        host = data.draw(st.sampled_from(sorted(self.streams)))
        self.ether.deliver()
        self.report(host, HOSTS[host][0], 500.0)
        self.at(host).step()
        if parcels := self.ether.on_their_way:
            del parcels[to % len(parcels)]
        self.ether.deliver()

    @rule(is_up=st.booleans())
    def the_bus_goes_or_comes(self, is_up: bool) -> None:
        self.ether.is_up = is_up

    @rule(name=collectors, chance=st.integers(0, 3))
    def a_collector_is_killed_and_started_again(self, name: str, chance: int) -> None:
        """Its agents are with nobody until they connect again."""
        if chance:
            return  # seldom: whoever starts asks for everything, which hides what was lost before
        self.was_killed = True
        self.ether.leave(self.side(name).name)
        self.start(name)
        gone = [host for host, to in self.streams.items() if to == name]
        for host in gone:
            del self.streams[host]
            for gpu in HOSTS[host]:  # what it read last is for nobody to tell whoever starts later
                self.newest.pop(gpu, None)

    # ----------------------------------------------------------------------------------------------------- the end

    @rule()
    def nothing_goes_wrong_for_a_while(self) -> None:
        self.ether.is_up = True
        self.ether.deliver()
        for host in self.streams:
            for gpu in HOSTS[host]:
                if self.was_killed:  # what only the dead one knew is made good by the next reports
                    self.report(host, gpu, 1.0)
        self.was_killed = False
        for _ in range(HEALING_ROUNDS):
            for host in self.streams:
                self.beat(host)
            self.ether.rounds(1)
        for host in self.streams:
            self.is_shown_everywhere(host)

    def is_shown_everywhere(self, host: str) -> None:
        for side in self.ether.sides.values():
            view = side.live.host(host)
            assert view is not None, (side.name, host)
            assert (view.state, view.agent.labels["stream"]) == ("up", self.labels[host]), side.name
            for gpu in HOSTS[host]:
                shown = side.live.gpu(gpu)
                assert shown is not None, (side.name, gpu)
                if gpu in self.newest:
                    seen = (shown.recorded_at, shown.values[METRIC_INDEX["power_watts"]])
                    assert seen == self.newest[gpu], side.name

    def teardown(self) -> None:
        self.nothing_goes_wrong_for_a_while()


TestBus = BusMachine.TestCase
TestBus.settings = settings(max_examples=60, stateful_step_count=40, deadline=None, phases=[Phase.generate])
