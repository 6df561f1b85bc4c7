"""Any order of hosts that join, change and fall silent, and of clients that come, go, ask for something else and read
as they please, leaves every client with the latest value of exactly what it asked for: in both formats."""

import itertools
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, precondition, rule

from fakes.clock import START_US, FakeClock
from fakes.fleet import agent, inventory, values
from fakes.port import FakePort, FakeTimer
from gpufleet_collector.live.live import Live
from gpufleet_collector.live.subscriber import Due, Subscriber
from gpufleet_collector.model import Gpu, Sample
from gpufleet_collector.selfmetrics import SelfMetrics
from gpufleet_collector.web.events import Encoder
from gpufleet_collector.web.frames.outlet import Outlet
from gpufleet_collector.web.frames.view import FrameView
from gpufleet_collector.web.subscriptions import Subscription, read_message

HOSTS = ("a", "b", "c")
GPUS = {host: tuple(f"{host}{number}" for number in range(3)) for host in HOSTS}
METRICS = ("temperature_celsius", "power_watts")
INTERVAL = 5.0
_METRICS = SelfMetrics()
CURRENT_SECONDS = 2.5 * INTERVAL

hosts = st.sampled_from(HOSTS)
labels = st.fixed_dictionaries({}, optional={"pool": st.sampled_from("xy"), "rack": st.sampled_from("12")})


def some(*names: str) -> st.SearchStrategy[list[str]]:
    return st.just([]) | st.lists(st.sampled_from(names), max_size=3)


subscriptions = st.fixed_dictionaries(
    {
        "hosts": some(*HOSTS, "unknown"),
        "gpus": some(*itertools.chain(*GPUS.values())),
        "labels": some("pool=x", "pool=y", "rack=1", "rack=2"),
        "metrics": some(*METRICS),
    }
)


@dataclass
class HostModel:
    labels: Mapping[str, str]
    gpus: dict[str, int]
    heard: float
    has_left: bool = False


@dataclass
class Held:
    recorded_at: int
    received: float
    value: dict[str, float]


@dataclass(eq=False)
class Client:
    """`gpus` and `hosts` are what it has been shown last."""

    wanted: dict[str, list[str]]
    subscription: Subscription
    gpus: dict[str, dict[str, float | None]] = field(default_factory=dict)
    hosts: dict[str, str] = field(default_factory=dict)

    def take_hosts(self, message: dict[str, Any]) -> None:
        if message["type"] == "host_state":
            self.hosts[message["data"]["host"]] = message["data"]["state"]


@dataclass(eq=False)
class EventsClient(Client):
    subscriber: Subscriber | None = None

    def read(self, encoder: Encoder, most: int) -> None:
        assert self.subscriber is not None
        for _ in range(min(most, len(self.subscriber))):
            due = self.subscriber.take()
            assert isinstance(due, Due)
            text = encoder.host(due.name) if due.kind == "host" else encoder.gpu(due.name, self.subscription.metrics)
            if text is not None:
                self.take(json.loads(text))

    def take(self, message: dict[str, Any]) -> None:
        self.take_hosts(message)
        if message["type"] == "gpu_stats":
            data = message["data"]
            self.gpus[data["gpu_uuid"]] = {name: data[name] for name in self.subscription.metrics}


@dataclass(eq=False)
class FramesClient(Client):
    view: FrameView | None = None
    port: FakePort = field(default_factory=FakePort)
    layout: dict[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.outlet = Outlet(self.port, self, FakeTimer, lambda why: None)

    def sent(self, size: int) -> None: ...

    def frame_sent(self) -> None: ...

    def frame_superseded(self) -> None: ...

    def read(self, encoder: Encoder, most: int) -> None:
        self.port.room = most
        self.outlet.resume()
        self.port.room = 0
        for text in self.port.take_texts():
            self.take(json.loads(text))

    def take(self, message: dict[str, Any]) -> None:
        self.take_hosts(message)
        if message["type"] == "layout":
            self.layout = message
        elif message["type"] == "frame":
            assert message["layout"] == self.layout["layout"]
            columns = message["values"].items()
            self.gpus = {
                gpu["gpu_uuid"]: {name: column[row] for name, column in columns}
                for row, gpu in enumerate(self.layout["gpus"])
            }


class HubMachine(RuleBasedStateMachine):
    """The model holds hosts, their GPUs, and the newest sample of each."""

    def __init__(self) -> None:
        super().__init__()
        self.clock = FakeClock()
        self.live = Live(self.clock, _METRICS)
        self.encoder = Encoder(self.live)
        self.fleet: dict[str, HostModel] = {}
        self.held: dict[str, Held] = {}
        self.clients: list[EventsClient | FramesClient] = []
        self.views: dict[Subscription, FrameView] = {}
        self.numbers = itertools.count(1)

    # ------------------------------------------------------------------------------------------------------- fleet

    @rule(host=hosts, labelled=labels, order=st.permutations((0, 1, 2)), number=st.integers(0, 3))
    def host_joins(self, host: str, labelled: dict[str, str], order: list[int], number: int) -> None:
        gpus = {GPUS[host][at]: index for index, at in enumerate(order[:number])}
        self.fleet[host] = HostModel(labelled, gpus, self.clock.moment.monotonic)
        self._forget(host)
        self.live.connected(host, agent(labelled), self._inventory(gpus), INTERVAL, 0.0)

    @precondition(lambda self: self.fleet)
    @rule(data=st.data(), order=st.permutations((0, 1, 2)), number=st.integers(0, 3))
    def gpus_change(self, data: st.DataObject, order: list[int], number: int) -> None:
        host = data.draw(st.sampled_from(sorted(self.fleet)))
        model = self.fleet[host]
        model.gpus = {GPUS[host][at]: index for index, at in enumerate(order[:number])}
        model.heard = self.clock.moment.monotonic
        self._forget(host)
        self.live.inventory(host, self._inventory(model.gpus))

    @precondition(lambda self: any(model.gpus for model in self.fleet.values()))
    @rule(data=st.data(), named=st.dictionaries(st.sampled_from(METRICS), st.integers(0, 100), min_size=1))
    def sample_comes(self, data: st.DataObject, named: dict[str, float]) -> None:
        host = data.draw(st.sampled_from(sorted(host for host, model in self.fleet.items() if model.gpus)))
        gpu = data.draw(st.sampled_from(sorted(self.fleet[host].gpus)))
        moment = self.clock.moment
        self.fleet[host].heard = moment.monotonic
        self.live.samples(host, [Sample(gpu, moment.wall_us, values(**named))])
        held = self.held.get(gpu)
        if held is None or moment.wall_us > held.recorded_at:
            self.held[gpu] = Held(moment.wall_us, moment.monotonic, named)

    @precondition(lambda self: self.fleet)
    @rule(data=st.data())
    def host_leaves(self, data: st.DataObject) -> None:
        host = data.draw(st.sampled_from(sorted(self.fleet)))
        self.fleet[host].has_left = True
        self.live.disconnected(host, clean=True)

    @rule(seconds=st.sampled_from([0.2, 1.0, 6.0, 13.0]))
    def time_passes(self, seconds: float) -> None:
        self.clock.advance(seconds)
        self.live.refresh()

    # ----------------------------------------------------------------------------------------------------- clients

    @rule(wanted=subscriptions, form=st.sampled_from(["events", "frames"]))
    def client_comes(self, wanted: dict[str, list[str]], form: str) -> None:
        subscription = read_message(json.dumps({"type": "subscribe", "format": form, **wanted}))
        client = (EventsClient if form == "events" else FramesClient)(wanted, subscription)
        self.clients.append(client)
        self._join(client)

    @precondition(lambda self: self.clients)
    @rule(data=st.data(), wanted=subscriptions)
    def client_asks_for_something_else(self, data: st.DataObject, wanted: dict[str, list[str]]) -> None:
        client = data.draw(st.sampled_from(self.clients))
        form = client.subscription.format
        self._leave(client)
        if isinstance(client, FramesClient):
            client.outlet.forget()
        client.wanted = wanted
        client.subscription = read_message(json.dumps({"type": "subscribe", "format": form, **wanted}))
        client.gpus, client.hosts = {}, {}
        self._join(client)

    @precondition(lambda self: self.clients)
    @rule(data=st.data())
    def client_goes(self, data: st.DataObject) -> None:
        client = data.draw(st.sampled_from(self.clients))
        self.clients.remove(client)
        self._leave(client)

    @precondition(lambda self: self.clients)
    @rule(data=st.data(), most=st.integers(1, 3))
    def client_reads_a_little(self, data: st.DataObject, most: int) -> None:
        data.draw(st.sampled_from(self.clients)).read(self.encoder, most)

    @rule()
    def tick(self) -> None:
        for view in self.views.values():
            view.make()
            notices = view.notices()
            for outlet in view.clients():
                view.show(outlet)
                if notices.pieces:
                    outlet.tell(notices)

    @rule()
    def everybody_reads_and_has_what_it_asked_for(self) -> None:
        self.clock.advance(0.1)  # a layout of so few GPUs lasts no longer
        self.live.refresh()
        self.tick()
        for client in self.clients:
            client.read(self.encoder, 10_000)
            expected = {gpu: self._current(gpu, client.subscription.metrics) for gpu in self._selected(client.wanted)}
            if isinstance(client, FramesClient):
                assert list(client.gpus.items()) == list(expected.items())
                states = {host: self._state(host) for host in self._hosts(client.wanted)}
                assert {host: client.hosts.get(host) for host in states} == states
            else:
                nothing = dict.fromkeys(client.subscription.metrics)
                assert {gpu: client.gpus.get(gpu, nothing) for gpu in expected} == expected
                told = client.hosts.keys() & self._hosts(client.wanted)
                assert {host: client.hosts[host] for host in told} == {host: self._state(host) for host in told}

    # ------------------------------------------------------------------------------------------------------- model

    def _selected(self, wanted: dict[str, list[str]]) -> list[str]:
        return [
            gpu
            for host in sorted(self.fleet)
            if self._admits(host, wanted)
            for gpu in sorted(self.fleet[host].gpus, key=self.fleet[host].gpus.__getitem__)
            if not wanted["gpus"] or gpu in wanted["gpus"]
        ]

    def _hosts(self, wanted: dict[str, list[str]]) -> list[str]:
        return [
            host
            for host, model in self.fleet.items()
            if self._admits(host, wanted) and (not wanted["gpus"] or set(wanted["gpus"]) & model.gpus.keys())
        ]

    def _admits(self, host: str, wanted: dict[str, list[str]]) -> bool:
        names = {item.split("=")[0] for item in wanted["labels"]}
        has = self.fleet[host].labels
        return (not wanted["hosts"] or host in wanted["hosts"]) and all(
            name in has and f"{name}={has[name]}" in wanted["labels"] for name in names
        )

    def _state(self, host: str) -> str:
        model = self.fleet[host]
        silent = self.clock.moment.monotonic - model.heard
        return "left" if model.has_left else "down" if silent >= 60 else "late" if silent >= 10 else "up"

    def _current(self, gpu: str, metrics: tuple[str, ...]) -> dict[str, float | None]:
        held = self.held.get(gpu)
        if held is None or self.clock.moment.monotonic - held.received > CURRENT_SECONDS:
            return dict.fromkeys(metrics)
        return {name: held.value.get(name) for name in metrics}

    def _forget(self, host: str) -> None:
        for gpu in set(GPUS[host]) - self.fleet[host].gpus.keys():
            self.held.pop(gpu, None)

    def _inventory(self, gpus: dict[str, int]) -> Any:
        whole = [Gpu(gpu, index=index, state="ok") for gpu, index in gpus.items()]
        return inventory(*whole, seconds=(self.clock.moment.wall_us - START_US) / 1e6)

    def _join(self, client: EventsClient | FramesClient) -> None:
        if isinstance(client, EventsClient):
            client.subscriber = self.live.subscribe(client.subscription.selection, lambda: None)
            return
        view = self.views.get(client.subscription)
        if view is None:
            now, number = lambda: self.clock.moment.monotonic, self.numbers.__next__
            view = self.views[client.subscription] = FrameView(
                self.live, client.subscription, now, number, lambda: None
            )
        client.view = view
        view.join(client.outlet)

    def _leave(self, client: EventsClient | FramesClient) -> None:
        if isinstance(client, EventsClient):
            assert client.subscriber is not None
            self.live.unsubscribe(client.subscriber)
            return
        assert client.view is not None
        client.view.leave(client.outlet)
        if not len(client.view):
            client.view.close()
            del self.views[client.view.wanted]


TestHub = HubMachine.TestCase
TestHub.settings = settings(max_examples=40, stateful_step_count=40, deadline=None)
