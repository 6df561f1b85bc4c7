"""The live state against a plain model, for any order of samples, inventories and passing time."""

from dataclasses import dataclass

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from fakes.clock import START_US, FakeClock
from fakes.fleet import agent, inventory, values
from gpufleet_collector.live.live import Live
from gpufleet_collector.live.selection import Selection
from gpufleet_collector.model import Sample
from gpufleet_collector.selfmetrics import SelfMetrics
from gpufleet_proto.catalog import BY_NAME

NAMES = ("power_watts", "temperature_celsius", "sm_active_percent", "pcie_link_width", "pcie_replay_total")
GPUS = ("x", "y", "z")
HOST = "h"


@dataclass(frozen=True)
class Held:
    recorded_at: int
    received: float
    named: dict[str, int]


class LiveMachine(RuleBasedStateMachine):
    """The model holds, for each GPU and tier, the sample that speaks for it."""

    def __init__(self) -> None:
        super().__init__()
        self.clock = FakeClock()
        self.live = Live(self.clock, SelfMetrics())
        self.interval = 1.0
        self.live.connected(HOST, agent(), inventory(*GPUS), self.interval, 0.0)
        self.listed = set(GPUS)
        self.held: dict[tuple[str, str], Held] = {}
        self.subscriber = self.live.subscribe(Selection(), lambda: None)

    def is_current(self, held: Held, name: str) -> bool:
        return self.clock.moment.monotonic - held.received <= 2.5 * BY_NAME[name].period_seconds(self.interval)

    @rule(seconds=st.sampled_from([0.5, 1.0, 2.0, 10.0, 25.0, 60.0]))
    def time_passes(self, seconds: float) -> None:
        self.clock.advance(seconds)
        self.live.refresh()

    @rule(interval=st.sampled_from([0.5, 1.0, 15.0]))
    def reconnects(self, interval: float) -> None:
        self.interval = interval
        self.live.connected(HOST, agent(), inventory(*sorted(self.listed)), interval, 0.0)

    @rule(gpus=st.sets(st.sampled_from(GPUS)))
    def inventory_changes(self, gpus: set[str]) -> None:
        self.live.inventory(HOST, inventory(*sorted(gpus)))
        self.listed = gpus
        self.held = {key: held for key, held in self.held.items() if key[0] in gpus}

    @rule(
        gpu=st.sampled_from(GPUS),
        seconds=st.integers(0, 30),
        named=st.dictionaries(st.sampled_from(NAMES), st.integers(0, 16)),
    )
    def sample_arrives(self, gpu: str, seconds: int, named: dict[str, int]) -> None:
        recorded_at = START_US + seconds * 1_000_000
        self.live.samples(HOST, [Sample(gpu, recorded_at, values(**named))])
        self.listed.add(gpu)
        for tier in {BY_NAME[name].tier for name in named}:
            of_tier = {name: value for name, value in named.items() if BY_NAME[name].tier is tier}
            held = self.held.get((gpu, tier.value))
            if held is None or recorded_at > held.recorded_at or not self.is_current(held, next(iter(of_tier))):
                self.held[gpu, tier.value] = Held(recorded_at, self.clock.moment.monotonic, of_tier)

    @invariant()
    def the_now_object_is_that_of_the_model(self) -> None:
        for gpu in GPUS:
            view = self.live.gpu(gpu)
            assert (view is not None) is (gpu in self.listed)
            if view is not None:
                assert view.values == values(**self.current(gpu))
                core = self.held.get((gpu, "core"))
                assert view.recorded_at == (None if core is None else core.recorded_at)

    @invariant()
    def at_most_one_event_is_pending_for_each_gpu_and_host(self) -> None:
        assert len(self.subscriber) <= len(GPUS) + 1

    def current(self, gpu: str) -> dict[str, int]:
        return {
            name: value
            for (held_gpu, _), held in self.held.items()
            if held_gpu == gpu
            for name, value in held.named.items()
            if self.is_current(held, name)
        }


TestLive = LiveMachine.TestCase
