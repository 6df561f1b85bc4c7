"""The live state of the fleet: ingest says what arrived, readers ask for now, subscribers are told of changes."""

from collections import deque
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from typing import TypeAlias

from gpufleet_collector.clock import Clock, Moment
from gpufleet_collector.live import rosters
from gpufleet_collector.live.fleet import Fleet, Rows
from gpufleet_collector.live.freshness import DOWN_AFTER_SECONDS, FORGET_AFTER_SECONDS
from gpufleet_collector.live.hub import Hub
from gpufleet_collector.live.limits import LiveLimits
from gpufleet_collector.live.minutes import Standing
from gpufleet_collector.live.picture import Picture, Roster, picture
from gpufleet_collector.live.readings import Freshness
from gpufleet_collector.live.recall import LONG_AGO
from gpufleet_collector.live.recent import RecentEvents
from gpufleet_collector.live.records import GpuRecord, HostRecord
from gpufleet_collector.live.relay import MAX_UNTOLD_EVENTS, Relay
from gpufleet_collector.live.selection import Selection
from gpufleet_collector.live.subscriber import Due, Subscriber
from gpufleet_collector.live.views import Census, GpuKey, GpuNow, HostNow, ProcessNow
from gpufleet_collector.model import (
    AgentCost,
    AgentInfo,
    Event,
    Gpu,
    Inventory,
    KnownHost,
    PlacedEvent,
    ProcessList,
    Sample,
    SampleColumns,
)
from gpufleet_collector.selfmetrics import SelfMetrics

__all__ = ["Live", "Rows", "Signature"]

Signature: TypeAlias = tuple[int, Freshness, str, bool]
"""Two equal signatures of one GPU UUID mean that everything shown of it is equal."""


class Live:
    """Every method is called from one thread and does no I/O."""

    def __init__(
        self,
        clock: Clock,
        metrics: SelfMetrics,
        limits: LiveLimits | None = None,
        down_after_seconds: float = DOWN_AFTER_SECONDS,
        forget_after_seconds: float = FORGET_AFTER_SECONDS,
    ) -> None:
        self._clock = clock
        self._metrics = metrics
        self._fleet = Fleet(limits or LiveLimits(), down_after_seconds, forget_after_seconds)
        self._hub = Hub(metrics.websocket_superseded.inc, metrics.websocket_events_dropped.inc)
        self._recent = RecentEvents()
        self._happened: deque[Event] = deque(maxlen=MAX_UNTOLD_EVENTS)
        self._refused_hosts = metrics.live_refused.labels(what="host")
        self._refused_gpus = metrics.live_refused.labels(what="gpu")

    # ------------------------------------------------------------------------------------------- told by ingest

    def connected(
        self, host: str, agent: AgentInfo, inventory: Inventory | None, interval_seconds: float, skew_seconds: float
    ) -> None:
        """A stream of this host has begun; the newest stream of a host name wins. Without an inventory (the agent has
        not read its GPUs yet) what is known of the host's GPUs stays."""
        moment = self._clock.now()
        known = self._fleet.hosts.get(host)
        labels = agent.labels if known is None else known.agent.labels
        record = self._fleet.connect(host, agent, moment)
        self._count_refused()
        if record is not None:
            self._fleet.set_interval(record, interval_seconds)
            record.skew_seconds = skew_seconds
            if inventory is not None:
                self._take_inventory(record, inventory, moment)
            else:
                self._heard(record, moment)
            if labels != agent.labels:
                self._publish_all(record)

    def inventory(self, host: str, inventory: Inventory) -> None:
        """GPUs that the inventory no longer lists are no longer shown."""
        if record := self._fleet.hosts.get(host):
            self._take_inventory(record, inventory, self._clock.now())

    def samples(self, host: str, samples: Iterable[Sample]) -> None:
        """A few samples of one host; see `take`."""
        columns = SampleColumns.of(samples)
        self.take(columns, [Rows(host, 0, len(columns))])

    def take(self, samples: SampleColumns, rows: Iterable[Rows]) -> None:
        """Samples that have just been taken; replayed ones are none of the live state's business."""
        moment, hosts = self._clock.now(), self._fleet.hosts
        owners = [(record, part) for part in rows if (record := hosts.get(part.host)) is not None]
        for record, _ in owners:
            self._heard(record, moment)
        changed = self._fleet.take_samples(samples, owners, moment)
        self._count_refused()
        for record, (host, start, stop) in owners:
            if self._hub.concerns(host):
                of_host = dict.fromkeys(samples.gpu_uuids[start:stop])
                some = [uuid for uuid in of_host if uuid in changed]
                self._hub.publish_gpus(record.name, some, record.agent.labels)

    def events(self, host: str, events: Iterable[Event]) -> None:
        """Something that has just happened; replayed events are news to nobody, and one that is sent again is not told
        again."""
        record = self._fleet.hosts.get(host)
        if record is not None:
            self._heard(record, self._clock.now())
        gpus, labels = ((), {}) if record is None else (self._fleet.gpus_of(record), record.agent.labels)
        for event in events:
            if self._recent.is_new(event.id):
                self._hub.publish_event(self._placed(event, record), gpus, labels)
                self._happened.append(event)

    def processes(self, told: ProcessList) -> None:
        """The processes of a host; the newest list counts."""
        record = self._fleet.hosts.get(told.host)
        if record is not None:
            moment = self._clock.now()
            record.processes, record.processes_received = told, moment.monotonic
            self._heard(record, moment)

    def heartbeat(self, host: str, cost: AgentCost, interval_seconds: float, skew_seconds: float) -> None:
        if record := self._fleet.hosts.get(host):
            record.cost = cost
            self._fleet.set_interval(record, interval_seconds)
            record.skew_seconds = skew_seconds
            self._heard(record, self._clock.now())

    def disconnected(self, host: str, clean: bool) -> None:
        """The stream has ended: with a goodbye the host has left, without one only time will tell."""
        if record := self._fleet.hosts.get(host):
            if clean:
                self._fleet.leave(record)
            self._advance(record, self._clock.now())

    def restore(self, hosts: Iterable[KnownHost]) -> None:
        """What the database knows at start; the limit keeps those seen last."""
        moment = self._clock.now()
        for known in sorted(hosts, key=lambda known: known.last_seen or 0, reverse=True):
            if record := self._fleet.restore(known, moment):
                self._hub.publish_gpus(record.name, self._fleet.gpus_of(record), record.agent.labels)
        self._count_refused()

    def recall(self, samples: SampleColumns) -> None:
        """What the database knows of readings, of each GPU the oldest first: for GPUs of which nothing has been read
        since."""
        self._publish_records(self._fleet.recall(samples, self._clock.now()))

    def recall_processes(self, told: ProcessList) -> None:
        """What the database knows of the processes of a host, for as long as it is not heard."""
        record = self._fleet.hosts.get(told.host)
        if record is not None and record.last_heard is None:
            record.processes, record.processes_received = told, LONG_AGO

    def refresh(self) -> None:
        """Time has passed: tell of what changed by it. To be called at least every second."""
        moment = self._clock.now()
        for record in self._fleet.pass_time(moment):
            self._hub.publish_host(record.name, self._fleet.gpus_of(record), record.agent.labels)
        self._publish_records(self._fleet.lapsed(moment.monotonic))

    # ------------------------------------------------------------------------------------------ asked by readers

    def standing(self) -> Standing:
        """Every GPU that has a current value, by column."""
        return self._fleet.standing(self._clock.now().monotonic)

    def census(self) -> Census:
        """Hosts and GPUs by state."""
        return self._fleet.census()

    @property
    def gpu_count(self) -> int:
        """GPUs shown, MIG instances included."""
        return len(self._fleet.gpus)

    def gpu_keys(self, selection: Selection, indexes: Collection[int] = ()) -> Sequence[GpuKey]:
        """Of the GPUs that are selected, in order; of some `indexes` only, or of all."""
        keys, gpus = rosters.keys(self._fleet, selection), self._fleet.gpus
        return [key for key in keys if gpus[key[2]].gpu.index in indexes] if indexes else keys

    def gpus(self, keys: Iterable[GpuKey]) -> list[GpuNow]:
        """As they are now; without those that are gone."""
        now = self._clock.now().monotonic
        records = (self._fleet.gpus.get(uuid) for _, _, uuid in keys)
        return [record.view(now) for record in records if record is not None]

    def gpu(self, gpu_uuid: str) -> GpuNow | None:
        record = self._fleet.gpus.get(gpu_uuid)
        return None if record is None else record.view(self._clock.now().monotonic)

    def signature(self, gpu_uuid: str) -> Signature | None:
        """What tells whether a GPU's view is still the same, for less than the view costs."""
        record = self._fleet.gpus.get(gpu_uuid)
        if record is None:
            return None
        fresh = record.freshness(self._clock.now().monotonic)
        return record.version, fresh, record.host.state, record.host.inventory.simulated

    def hosts(self, wanted: Collection[str], after: str | None, limit: int) -> list[HostNow]:
        """At most `limit` hosts after the name, in order of names; an empty `wanted` means all."""
        names = self._fleet.hosts.keys() & set(wanted) if wanted else self._fleet.hosts.keys()
        later = sorted(name for name in names if after is None or name > after)
        return [self._fleet.hosts[name].view() for name in later[:limit]]

    def host(self, name: str) -> HostNow | None:
        record = self._fleet.hosts.get(name)
        return None if record is None else record.view()

    def host_names(self, wanted: Collection[str]) -> list[str]:
        """Names of the hosts that are known, in order; an empty `wanted` means all."""
        return sorted(self._fleet.hosts.keys() & set(wanted) if wanted else self._fleet.hosts)

    def gpus_of(self, host: str) -> Mapping[str, Gpu]:
        """The GPUs of a host by UUID, to be read at once; none for a host that is not known."""
        record = self._fleet.hosts.get(host)
        return {} if record is None else record.gpus

    def running(self, host: str) -> list[ProcessNow]:
        """The processes of a host, in order; none for a host that is not known."""
        record = self._fleet.hosts.get(host)
        return [] if record is None else record.running(self._clock.now().monotonic)

    # ------------------------------------------------------------------------------------- asked by subscribers

    def subscribe(self, selection: Selection, wake: Callable[[], None], *, gpus: bool = True) -> Subscriber:
        """A new subscriber, to whom the current state of every GPU selected is already pending, unless it does not
        want `gpus`. `wake` is called whenever something becomes pending, and must return at once."""
        subscriber = Subscriber(selection, wake, wants_gpus=gpus)
        self._hub.add(subscriber)
        if gpus:
            subscriber.offer(Due("gpu", key[2]) for key in rosters.keys(self._fleet, selection))
        return subscriber

    def unsubscribe(self, subscriber: Subscriber) -> None:
        self._hub.remove(subscriber)

    @property
    def revision(self) -> int:
        """As long as it is the same, the same GPUs are in the same places, and their hosts say the same of them."""
        return self._fleet.revision

    def count(self, selection: Selection) -> int:
        """How many GPUs are selected now."""
        return rosters.count(self._fleet, selection)

    def roster(self, selection: Selection) -> Roster:
        """The GPUs that are selected now, to make pictures of."""
        return rosters.roster(self._fleet, selection)

    def followed(self, roster: Roster) -> Roster:
        """The same rows at this revision; a GPU that is gone or sits elsewhere shows nothing."""
        return rosters.followed(self._fleet, roster)

    def picture(self, roster: Roster, columns: Sequence[int]) -> Picture:
        """What the GPUs of a roster of this revision show now, of the metrics at these positions in METRICS."""
        assert roster.revision == self._fleet.revision, "slots of another revision may be those of other GPUs"
        return picture(self._fleet.board, roster, columns, self._clock.now())

    def hosts_of(self, selection: Selection) -> list[HostNow]:
        """The hosts whose state matters to what is selected, in order of names."""
        return [record.view() for record in rosters.hosts(self._fleet, selection)]

    # --------------------------------------------------------------------------------------------------- shared

    def relay(self) -> Relay:
        """The side of this state that a bus between collectors works with."""
        return Relay(self._fleet, self._hub, self._recent, self._happened, self._clock)

    # --------------------------------------------------------------------------------------------------- inside

    def _publish_records(self, records: Iterable[GpuRecord]) -> None:
        by_host: dict[str, list[GpuRecord]] = {}
        for record in records:
            by_host.setdefault(record.host.name, []).append(record)
        for host, of_host in by_host.items():
            self._hub.publish_gpus(host, [record.gpu.uuid for record in of_host], of_host[0].host.agent.labels)

    def _placed(self, event: Event, record: HostRecord | None) -> PlacedEvent:
        gpu = None if record is None or event.gpu_uuid is None else record.gpus.get(event.gpu_uuid)
        return PlacedEvent(event) if gpu is None else PlacedEvent(event, gpu.index, gpu.name)

    def _take_inventory(self, record: HostRecord, inventory: Inventory, moment: Moment) -> None:
        changed = self._fleet.take_inventory(record, inventory)
        self._count_refused()
        self._heard(record, moment)
        self._hub.publish_gpus(record.name, changed, record.agent.labels)

    def _publish_all(self, record: HostRecord) -> None:
        """The host has come to be of interest to others than before."""
        gpus = self._fleet.gpus_of(record)
        self._hub.publish_host(record.name, gpus, record.agent.labels)
        self._hub.publish_gpus(record.name, gpus, record.agent.labels)

    def _heard(self, record: HostRecord, moment: Moment) -> None:
        self._fleet.heard(record, moment)
        if record.state != "up":
            self._advance(record, moment)

    def _advance(self, record: HostRecord, moment: Moment) -> None:
        if self._fleet.advance(record, moment):
            self._hub.publish_host(record.name, self._fleet.gpus_of(record), record.agent.labels)

    def _count_refused(self) -> None:
        fleet = self._fleet
        if not fleet.refused_hosts and not fleet.refused_gpus:
            return
        self._refused_hosts.inc(fleet.refused_hosts)
        self._refused_gpus.inc(fleet.refused_gpus)
        fleet.refused_hosts = fleet.refused_gpus = 0
