"""Every host and GPU that is known now: a pure state that is told what happened and when."""

from collections import Counter
from collections.abc import Iterable
from itertools import compress
from typing import NamedTuple

import numpy as np

from gpufleet_collector.clock import Moment
from gpufleet_collector.live.board import Board
from gpufleet_collector.live.freshness import DOWN_AFTER_SECONDS, FORGET_AFTER_SECONDS, Patience, host_state
from gpufleet_collector.live.limits import LiveLimits
from gpufleet_collector.live.minutes import Standing
from gpufleet_collector.live.readings import TIERS, Windows
from gpufleet_collector.live.recall import recall
from gpufleet_collector.live.records import AT_ONCE, GpuRecord, HostRecord
from gpufleet_collector.live.views import HEARD, Census, GpuKey
from gpufleet_collector.model import AgentInfo, Gpu, HostState, Inventory, KnownHost, SampleColumns


class Rows(NamedTuple):
    """Samples [start, stop) of many are of this host."""

    host: str
    start: int
    stop: int


class Fleet:
    """Hosts by name and GPUs by UUID. A GPU that two hosts claim is shown once, at the newest claim."""

    def __init__(
        self,
        limits: LiveLimits,
        down_after_seconds: float = DOWN_AFTER_SECONDS,
        forget_after_seconds: float = FORGET_AFTER_SECONDS,
    ) -> None:
        self.hosts: dict[str, HostRecord] = {}
        self.gpus: dict[str, GpuRecord] = {}
        self.refused_hosts = 0
        self.refused_gpus = 0
        self.revision = 0
        """New with every change of which GPUs there are, where they are, and what their hosts say of them."""
        self._limits = limits
        self._down_after_seconds = down_after_seconds
        self._forget_after_seconds = forget_after_seconds
        self._order: list[GpuKey] | None = None
        self._board = Board()
        self._looked_at = 0.0

    @property
    def board(self) -> Board:
        return self._board

    def revise(self) -> None:
        self.revision += 1

    def ordered(self) -> list[GpuKey]:
        """Keys of all GPUs in the order of every list; sorted again only after something moved."""
        if self._order is None:
            self._order = sorted(record.key for record in self.gpus.values())
        return self._order

    def gpus_of(self, host: HostRecord) -> list[str]:
        """UUIDs of the GPUs shown at this host."""
        return [uuid for uuid in host.gpus if (record := self.gpus.get(uuid)) is not None and record.host is host]

    def standing(self, now: float) -> Standing:
        """What is current of every GPU at `now`, monotonic seconds."""
        records = list(self.gpus.values())
        slots = np.array([record.slot for record in records], np.int64)
        lasting = np.array([record.host.windows for record in records]).reshape(len(records), len(TIERS))
        values = self._board.current_of(slots, lasting, now)
        rows = np.flatnonzero(~np.isnan(values).all(axis=1)).tolist()
        current = [records[row] for row in rows]
        return Standing(
            gpu_uuids=[record.gpu.uuid for record in current],
            parents=[record.gpu.parent_uuid for record in current],
            models=[record.gpu.name or "" for record in current],
            labels=[record.host.agent.labels for record in current],
            values=values[rows],
        )

    def census(self) -> Census:
        return Census(
            Counter(host.state for host in self.hosts.values()),
            Counter(record.gpu.state if record.host.state in HEARD else "unknown" for record in self.gpus.values()),
        )

    # ------------------------------------------------------------------------------------------------------- hosts

    def connect(self, name: str, agent: AgentInfo, moment: Moment) -> HostRecord | None:
        """The record of a host that has just said hello; None where the limit leaves no room for it."""
        host = self.hosts.get(name) or self._new_host(name, agent, moment)
        if host is not None:
            if host.agent.labels != agent.labels:
                self.revise()
            host.agent = agent
            host.left = False
            host.cost = None
            host.due = AT_ONCE
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
        if known.last_seen is not None:
            host.quiet_since -= max(0.0, (moment.wall_us - known.last_seen) / 1e6)
        if known.left_at is not None:
            host.left, host.state, host.since = True, "left", known.left_at
        self.take_inventory(host, known.inventory)
        return host

    def heard(self, host: HostRecord, moment: Moment) -> None:
        host.source = None
        host.last_heard = host.quiet_since = host.heard_here = moment.monotonic
        host.last_seen = moment.wall_us

    def hear_of(self, host: HostRecord, source: str, heard: float, moment: Moment) -> None:
        """Another collector heard the host, at `heard` monotonic seconds of this one. Of one collector the later
        counts."""
        if host.source == source and host.last_heard is not None:
            heard = max(heard, host.last_heard)
        host.source = source
        host.last_heard = host.quiet_since = heard
        host.last_seen = moment.wall_us - round((moment.monotonic - heard) * 1_000_000)

    def lose(self, host: HostRecord) -> None:
        """Whoever heard the host is not there any more: its state is unknown until somebody hears it."""
        host.source = host.last_heard = None

    def set_interval(self, host: HostRecord, interval_seconds: float) -> None:
        """How often the agent of the host reads its GPUs, from now on."""
        if host.set_interval(interval_seconds):
            for uuid in self.gpus_of(host):
                self._board.set_lasting(self.gpus[uuid].slot, host.windows)

    def leave(self, host: HostRecord) -> None:
        host.left = True
        host.due = AT_ONCE

    def advance(self, host: HostRecord, moment: Moment) -> bool:
        """Bring the state of the host up to this moment; whether it changed. A state that came by silence has lasted
        since the silence was long enough, whenever it is looked at."""
        patience = host.patience(self._down_after_seconds)
        silent = None if host.last_heard is None else moment.monotonic - host.last_heard
        state = host_state(silent, left=host.left, patience=patience)
        host.due = self._next_due(host, state, patience)
        if state == host.state:
            return False
        host.state = state
        overdue = 0.0
        if silent is not None and state in ("late", "down"):
            overdue = silent - (patience.late if state == "late" else patience.down)
        host.since = moment.wall_us - round(overdue * 1e6)
        return True

    def pass_time(self, moment: Moment) -> list[HostRecord]:
        """Bring every host up to this moment: those whose state changed. Whoever has been silent for too long is
        forgotten."""
        due = [host for host in self.hosts.values() if host.due <= moment.monotonic]
        changed = []
        for host in due:
            if host.state not in ("up", "late") and moment.monotonic >= host.quiet_since + self._forget_after_seconds:
                self._forget(host)
            elif self.advance(host, moment):
                changed.append(host)
        return changed

    def _next_due(self, host: HostRecord, state: HostState, patience: Patience) -> float:
        if state == "up":
            return host.quiet_since + patience.late
        if state == "late":
            return host.quiet_since + patience.down
        return host.quiet_since + self._forget_after_seconds

    def _new_host(self, name: str, agent: AgentInfo, moment: Moment) -> HostRecord | None:
        if len(self.hosts) >= self._limits.max_hosts and not self._make_room():
            self.refused_hosts += 1
            return None
        return self._add_host(name, agent, moment)

    def _add_host(self, name: str, agent: AgentInfo, moment: Moment) -> HostRecord:
        host = HostRecord(
            name, "unknown", moment.wall_us, agent, Inventory(observed_at=0, backend=""), gpus={}, last_seen=None
        )
        host.quiet_since = moment.monotonic
        self.hosts[name] = host
        return host

    def _make_room(self) -> bool:
        """Forget the host that has been silent longest, unless all are up."""
        silent = [host for host in self.hosts.values() if host.state != "up"]
        if not silent:
            return False
        self._forget(min(silent, key=lambda host: (host.quiet_since, host.name)))
        return True

    def _forget(self, host: HostRecord) -> None:
        self._drop(self.gpus_of(host))
        del self.hosts[host.name]

    # -------------------------------------------------------------------------------------------------------- GPUs

    def take_inventory(self, host: HostRecord, inventory: Inventory) -> list[str]:
        """Replace what the host has. Returns the GPUs that look different now, or are new."""
        was_simulated = host.inventory.simulated
        if was_simulated != inventory.simulated:
            self.revise()
        shown = set(self.gpus_of(host))
        host.inventory = inventory
        host.gpus = {gpu.uuid: gpu for gpu in inventory.gpus}
        self._drop(uuid for uuid in shown if uuid not in host.gpus)
        changed = [gpu.uuid for gpu in inventory.gpus if self._declare(host, gpu, inventory.observed_at)]
        return self.gpus_of(host) if was_simulated != inventory.simulated else changed

    def take_samples(
        self, samples: SampleColumns, owners: Iterable[tuple[HostRecord, Rows]], moment: Moment
    ) -> set[str]:
        """GPUs of which the samples changed what is shown."""
        taking = _Taking(self._board, samples, moment.monotonic)
        known, uuids = self.gpus.get, samples.gpu_uuids
        for host, (_, start, stop) in owners:
            records = [known(uuid) for uuid in uuids[start:stop]]
            slots = [record.slot for record in records if record is not None and record.host is host]
            if len(slots) == len(records):
                taking.take(start, slots, host)
            else:
                self._take_one_by_one(taking, samples, host, range(start, stop))
        taking.finish()
        return taking.changed

    def _take_one_by_one(self, taking: "_Taking", samples: SampleColumns, host: HostRecord, rows: range) -> None:
        """Some of these samples are of GPUs that are not known at this host yet."""
        for row in rows:
            uuid = samples.gpu_uuids[row]
            record = self.gpus.get(uuid)
            if record is None or record.host is not host:
                taking.finish()  # whose the GPU is depends on the samples so far
                record = self._claim_by_sample(host, uuid, int(samples.recorded_at[row]))
            if record is not None:
                taking.take(row, [record.slot], host)

    def recall(self, samples: SampleColumns, moment: Moment) -> list[GpuRecord]:
        """See `recall`."""
        return recall(self._board, self.gpus, samples, moment)

    def lapsed(self, now: float) -> list[GpuRecord]:
        """GPUs of which a reading stopped being the current value since the last call."""
        slots = set(self._board.lapsed(self._looked_at, now).tolist())
        self._looked_at = now
        return [record for record in self.gpus.values() if record.slot in slots] if slots else []

    def claimed(self, host: HostRecord, gpu_uuid: str, instant: int) -> GpuRecord | None:
        """The record of a GPU that the host had at this instant; None where it is another's, or no room is left."""
        record = self.gpus.get(gpu_uuid)
        return record if record is not None and record.host is host else self._claim_by_sample(host, gpu_uuid, instant)

    def _claim_by_sample(self, host: HostRecord, gpu_uuid: str, instant: int) -> GpuRecord | None:
        gpu = host.gpus.get(gpu_uuid)
        if gpu is None:
            # Taken before the inventory that no longer lists the GPU: it must not bring the GPU back.
            if instant <= host.inventory.observed_at:
                return None
            gpu = Gpu(uuid=gpu_uuid)
        return self._claim(host, gpu, instant)

    def _declare(self, host: HostRecord, gpu: Gpu, instant: int) -> bool:
        """Take over what the host says of a GPU; whether it looks different now, or is new."""
        record = self.gpus.get(gpu.uuid)
        if record is None or record.host is not host:
            return self._claim(host, gpu, instant) is not None
        self._board.claim(record.slot, instant)
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
            record = self.gpus[gpu.uuid] = GpuRecord(host, gpu, self._board, self._board.add(instant))
            host.gpus.setdefault(gpu.uuid, gpu)
            self._moved()
            return record
        if instant <= self._board.claimed_at[record.slot]:
            return None
        self._board.claim(record.slot, instant)
        host.gpus.setdefault(gpu.uuid, gpu)
        self._place(record, host, gpu)
        return record

    def _place(self, record: GpuRecord, host: HostRecord, gpu: Gpu) -> None:
        before = record.key
        if record.host is not host:
            self._board.set_lasting(record.slot, host.windows)
        record.host = host
        record.gpu = gpu
        self._board.touch(record.slot)
        self.revise()
        if record.key != before:
            self._moved()

    def _drop(self, uuids: Iterable[str]) -> None:
        for uuid in uuids:
            self._board.remove(self.gpus.pop(uuid).slot)
            self._moved()

    def _moved(self) -> None:
        self._order = None
        self.revise()


class _Taking:
    """Samples on their way to the board, as many at once as may be."""

    def __init__(self, board: Board, samples: SampleColumns, now: float) -> None:
        self.changed: set[str] = set()
        self._board = board
        self._samples = samples
        self._now = now
        self._begin()

    def _begin(self) -> None:
        self._rows: list[int] = []
        self._slots: list[int] = []
        self._lasting: list[Windows] = []
        self._counts: list[int] = []

    def take(self, start: int, slots: list[int], host: HostRecord) -> None:
        """The samples from `start` on are of the GPUs in these slots."""
        self._rows += range(start, start + len(slots))
        self._slots += slots
        self._lasting.append(host.windows)
        self._counts.append(len(slots))

    def finish(self) -> None:
        """Everything taken so far is on the board when this returns."""
        if not self._rows:
            return
        rows, samples = self._rows, self._samples
        if len(rows) < len(samples):
            samples = samples.only(rows)
        lasting = np.repeat(np.array(self._lasting), self._counts, axis=0)
        changed = self._board.accept(np.array(self._slots), samples, lasting, self._now)
        self.changed.update(compress(samples.gpu_uuids, changed.tolist()))
        self._begin()
