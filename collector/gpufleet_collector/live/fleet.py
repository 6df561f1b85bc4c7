"""Every host and GPU that is known now: a pure state that is told what happened and when."""

from collections.abc import Iterable
from itertools import count

from gpufleet_collector.clock import Moment
from gpufleet_collector.live import readings
from gpufleet_collector.live.freshness import DOWN_AFTER_SECONDS, host_state
from gpufleet_collector.live.limits import LiveLimits
from gpufleet_collector.live.records import DEFAULT_INTERVAL_SECONDS, GpuRecord, HostRecord
from gpufleet_collector.live.views import GpuKey
from gpufleet_collector.model import AgentInfo, Gpu, Inventory, KnownHost, Sample


class Fleet:
    """Hosts by name and GPUs by UUID. A GPU that two hosts claim is shown once, at the newest claim."""

    def __init__(self, limits: LiveLimits, down_after_seconds: float = DOWN_AFTER_SECONDS) -> None:
        self.hosts: dict[str, HostRecord] = {}
        self.gpus: dict[str, GpuRecord] = {}
        self.refused_hosts = 0
        self.refused_gpus = 0
        self._limits = limits
        self._down_after_seconds = down_after_seconds
        self._order: list[GpuKey] | None = None
        self._versions = count()

    def ordered(self) -> list[GpuKey]:
        """Keys of all GPUs in the order of every list; sorted again only after something moved."""
        if self._order is None:
            self._order = sorted(record.key for record in self.gpus.values())
        return self._order

    def gpus_of(self, host: HostRecord) -> list[str]:
        """UUIDs of the GPUs shown at this host."""
        return [uuid for uuid in host.gpus if (record := self.gpus.get(uuid)) is not None and record.host is host]

    # ------------------------------------------------------------------------------------------------------- hosts

    def connect(self, name: str, agent: AgentInfo, moment: Moment) -> HostRecord | None:
        """The record of a host that has just said hello; None where the limit leaves no room for it."""
        host = self.hosts.get(name) or self._new_host(name, agent, moment)
        if host is not None:
            host.agent = agent
            host.left = False
            host.cost = None
        return host

    def restore(self, known: KnownHost, moment: Moment) -> HostRecord | None:
        """A host that the database remembers: unless it has left, its state is unknown until it is heard. None where
        the host is known already, or the limit leaves no room for it."""
        if known.host in self.hosts:
            return None
        if len(self.hosts) >= self._limits.max_hosts:
            self.refused_hosts += 1
            return None
        host = self._add_host(known.host, known.agent, moment)
        host.last_seen = known.last_seen
        if known.left_at is not None:
            host.left, host.state, host.since = True, "left", known.left_at
        self.take_inventory(host, known.inventory)
        return host

    def heard(self, host: HostRecord, moment: Moment) -> None:
        host.last_heard = moment.monotonic
        host.last_seen = moment.wall_us

    def advance(self, host: HostRecord, moment: Moment) -> bool:
        """Bring the state of the host up to this moment; whether it changed."""
        state = host_state(
            None if host.last_heard is None else moment.monotonic - host.last_heard,
            left=host.left,
            interval_seconds=host.interval_seconds or DEFAULT_INTERVAL_SECONDS,
            down_after_seconds=self._down_after_seconds,
        )
        if state == host.state:
            return False
        host.state = state
        host.since = moment.wall_us
        return True

    def _new_host(self, name: str, agent: AgentInfo, moment: Moment) -> HostRecord | None:
        if len(self.hosts) >= self._limits.max_hosts and not self._make_room():
            self.refused_hosts += 1
            return None
        return self._add_host(name, agent, moment)

    def _add_host(self, name: str, agent: AgentInfo, moment: Moment) -> HostRecord:
        host = HostRecord(
            name, "unknown", moment.wall_us, agent, Inventory(observed_at=0, backend=""), gpus={}, last_seen=None
        )
        self.hosts[name] = host
        return host

    def _make_room(self) -> bool:
        """Forget the host that has been silent longest, unless all are up."""
        silent = [host for host in self.hosts.values() if host.state != "up"]
        if not silent:
            return False
        forgotten = min(silent, key=lambda host: (host.last_heard is not None, host.last_heard or 0.0, host.name))
        self._drop(self.gpus_of(forgotten))
        del self.hosts[forgotten.name]
        return True

    # -------------------------------------------------------------------------------------------------------- GPUs

    def take_inventory(self, host: HostRecord, inventory: Inventory) -> list[str]:
        """Replace what the host has. Returns the GPUs that were shown before and look different now."""
        was_simulated = host.inventory.simulated
        shown = set(self.gpus_of(host))
        host.inventory = inventory
        host.gpus = {gpu.uuid: gpu for gpu in inventory.gpus}
        self._drop(uuid for uuid in shown if uuid not in host.gpus)
        changed = [gpu.uuid for gpu in inventory.gpus if self._declare(host, gpu, inventory.observed_at)]
        return self.gpus_of(host) if was_simulated != inventory.simulated else changed

    def take_sample(self, host: HostRecord, sample: Sample, moment: Moment) -> bool:
        """Whether the sample changed what is shown."""
        record = self._record_of(host, sample)
        if record is None:
            return False
        if not readings.accept(record.readings, sample, host.windows, moment.monotonic):
            return False
        record.claimed_at = max(record.claimed_at, sample.recorded_at)
        record.version = next(self._versions)
        return True

    def _record_of(self, host: HostRecord, sample: Sample) -> GpuRecord | None:
        record = self.gpus.get(sample.gpu_uuid)
        if record is not None and record.host is host:
            return record
        gpu = host.gpus.get(sample.gpu_uuid)
        if gpu is None:
            # Taken before the inventory that no longer lists the GPU: it must not bring the GPU back.
            if sample.recorded_at <= host.inventory.observed_at:
                return None
            gpu = Gpu(uuid=sample.gpu_uuid)
        return self._claim(host, gpu, sample.recorded_at)

    def _declare(self, host: HostRecord, gpu: Gpu, instant: int) -> bool:
        """Take over what the host says of a GPU; whether a GPU shown before looks different now."""
        record = self.gpus.get(gpu.uuid)
        if record is None or record.host is not host:
            return self._claim(host, gpu, instant) is not None and record is not None
        record.claimed_at = max(record.claimed_at, instant)
        if record.gpu == gpu:
            return False
        self._place(record, host, gpu)
        return True

    def _claim(self, host: HostRecord, gpu: Gpu, instant: int) -> GpuRecord | None:
        """The record of the GPU, now at this host; None where another host's claim is newer, or no room is left."""
        record = self.gpus.get(gpu.uuid)
        if record is None:
            if len(self.gpus) >= self._limits.max_gpus:
                self.refused_gpus += 1
                return None
            record = self.gpus[gpu.uuid] = GpuRecord(host, gpu, instant, next(self._versions))
            host.gpus.setdefault(gpu.uuid, gpu)
            self._order = None
            return record
        if instant <= record.claimed_at:
            return None
        record.claimed_at = instant
        host.gpus.setdefault(gpu.uuid, gpu)
        self._place(record, host, gpu)
        return record

    def _place(self, record: GpuRecord, host: HostRecord, gpu: Gpu) -> None:
        before = record.key
        record.host = host
        record.gpu = gpu
        record.version = next(self._versions)
        if record.key != before:
            self._order = None

    def _drop(self, uuids: Iterable[str]) -> None:
        for uuid in uuids:
            del self.gpus[uuid]
            self._order = None
