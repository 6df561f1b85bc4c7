"""Whatever breaks, fails or is killed between any two steps: nothing is lost that the disk had, and all is counted."""

import math
import shutil
import tempfile
from pathlib import Path

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from gpufleet_agent.outbox import Outbox
from gpufleet_agent.spool import Spool
from gpufleet_agent.spool_orders import DiskOrders

IN_MEMORY = next((folder for folder in ("/dev/shm",) if Path(folder).is_dir()), None)
"""Where syncing costs nothing: what a machine keeps without power is not what is tested here."""

ROOMY, TIGHT = 64 * 1024 * 1024, 128 * 1024


class World(RuleBasedStateMachine):
    """One host and its disk. A crash copies the files as they are, as a killed process leaves them, and starts anew."""

    bound = ROOMY
    memory = 1_000_000
    sizes = (10, 200)

    def __init__(self) -> None:
        super().__init__()
        self.now = 1000.0
        self.wall_us = 1_700_000_000_000_000
        self.generation = 0
        self.root = Path(tempfile.mkdtemp(prefix="gpufleet-spool-", dir=IN_MEMORY))
        self.taken: set[bytes] = set()
        self.settled: set[bytes] = set()
        self.on_disk: set[bytes] = set()
        self.lost: set[bytes] = set()
        self.begin()

    def begin(self) -> None:
        self.outbox = Outbox(max_bytes=self.memory, replays_per_second=math.inf, clock=lambda: self.now)
        self.spool = Spool(self.folder / "spool.sqlite", self.bound, 3600.0, lambda: self.wall_us)
        self.in_memory: set[bytes] = set()
        self.under_way: dict[int, bytes] = {}
        self.added = 0
        self.connected = False
        self.outbox.disk_opened(self.spool.open(self.outbox.disk_asked()))
        self.connect(60.0)

    @property
    def folder(self) -> Path:
        return self.root / f"{self.generation}"

    def teardown(self) -> None:
        """Also after a failure, which is tried many times over while a smaller one is looked for."""
        try:
            self.everything_arrives()
        finally:
            self.spool.close()
            shutil.rmtree(self.root)

    @rule(
        data=st.data(), reports=st.integers(1, 4), samples=st.integers(1, 3), seconds=st.sampled_from([0.0, 0.6, 2.0])
    )
    def take(self, data: st.DataObject, reports: int, samples: int, seconds: float) -> None:
        for _ in range(reports):
            size = data.draw(st.integers(*self.sizes))
            payload = f"{len(self.taken)}".encode().ljust(size, b".")
            self.outbox.add(payload, samples)
            self.taken.add(payload)
            self.in_memory.add(payload)
            self.added += samples
            self.wait(seconds)

    def wait(self, seconds: float) -> None:
        self.now += seconds
        self.wall_us += round(seconds * 1_000_000)

    @rule(live_seconds=st.sampled_from([-1.0, 60.0]))
    def connect(self, live_seconds: float) -> None:
        if not self.connected:
            self.outbox.stream_opened(live_seconds)
            self.connected = True

    @rule()
    def lose(self) -> None:
        self.outbox.stream_lost()
        self.under_way.clear()
        self.connected = False

    @precondition(lambda self: self.connected)
    @rule(reports=st.integers(1, 5), seconds=st.sampled_from([0.0, 2.0]))
    def send(self, reports: int, seconds: float) -> None:
        for _ in range(reports):
            report = self.outbox.next()
            if report is not None:
                assert report[1].payload in self.taken, "nothing is invented"
                self.under_way[report[0]] = report[1].payload
        self.wait(seconds)

    @precondition(lambda self: self.under_way)
    @rule(data=st.data(), reports=st.integers(1, 4), settled=st.booleans())
    def answer(self, data: st.DataObject, reports: int, settled: bool) -> None:
        for _ in range(min(reports, len(self.under_way))):
            sequence = data.draw(st.sampled_from(sorted(self.under_way)))
            payload = self.under_way.pop(sequence)
            if settled:
                self.settled.add(payload)
                self.outbox.settle([sequence], 0)
            else:
                self.outbox.defer([sequence])

    @rule()
    def disk_step(self) -> None:
        orders = self.outbox.disk_orders()
        if orders:
            self.outbox.disk_done(self.spool.apply(orders))
            self.wrote(orders)

    @rule(meanwhile=st.lists(st.sampled_from(["lose", "send", "settle"]), min_size=1, max_size=3))
    def stream_and_disk_at_once(self, meanwhile: list[str]) -> None:
        """While the disk works, the stream goes on."""
        orders = self.outbox.disk_orders()
        outcome = self.spool.apply(orders)
        for what in meanwhile:
            if what == "lose":
                self.lose()
            elif what == "send" and self.connected:
                self.send(3, 0.0)
            elif self.under_way:
                sequence, payload = self.under_way.popitem()
                self.settled.add(payload)
                self.outbox.settle([sequence], 0)
        self.outbox.disk_done(outcome)
        self.wrote(orders)

    @rule(committed=st.booleans(), reopened=st.booleans())
    def disk_error(self, committed: bool, reopened: bool) -> None:
        orders = self.outbox.disk_orders()
        if committed and not self.spool.apply(orders).gone:
            self.wrote(orders)
        self.outbox.disk_failed()
        if reopened:
            self.outbox.disk_opened(self.spool.open(self.outbox.disk_asked()))

    @rule(step=st.sampled_from(["idle", "ordered", "applied"]))
    def crash(self, step: str) -> None:
        orders = DiskOrders() if step == "idle" else self.outbox.disk_orders()
        if step == "applied":
            self.spool.apply(orders)
            self.wrote(orders)
        before = self.folder
        self.generation += 1
        shutil.copytree(before, self.folder)
        self.spool.close()
        self.lost |= self.in_memory - self.on_disk
        self.begin()

    def wrote(self, orders: DiskOrders) -> None:
        self.on_disk |= {report.payload for report in orders.keep}

    @invariant()
    def every_sample_is_accounted_for(self) -> None:
        tally = self.outbox.tally
        known = tally.taken + tally.recovered
        assert tally.taken == self.added
        assert known == tally.settled + tally.refused + tally.dropped + self.outbox.pending_samples

    @invariant()
    def memory_is_bounded(self) -> None:
        assert self.outbox.bytes <= self.memory + self.sizes[1]

    def everything_arrives(self) -> None:
        """A collector that is there for long enough gets every report that was not lost with a process."""
        self.connect(60.0)
        for _ in range(2 * len(self.taken) + 10):
            self.wait(2.0)
            while (report := self.outbox.next()) is not None:
                self.settled.add(report[1].payload)
                self.outbox.settle([report[0]], 0)
            self.outbox.settle(list(self.under_way), 0)
            self.settled |= set(self.under_way.values())
            self.under_way.clear()
            self.disk_step()
        assert len(self.outbox) == 0
        assert self.spool.apply(DiskOrders()).stored_reports == 0, "what is settled leaves the disk"
        self.check_what_arrived()

    def check_what_arrived(self) -> None:
        assert self.taken - self.settled <= self.lost
        assert self.outbox.tally.dropped == 0


class TightWorld(World):
    """The same with a spool that is soon full: what is dropped is counted, and the file stays below its bound."""

    bound = TIGHT
    memory = 120_000
    sizes = (1000, 30_000)

    def check_what_arrived(self) -> None:
        if self.taken - self.settled - self.lost and self.generation == 0:
            assert self.outbox.tally.dropped > 0

    @invariant()
    def the_file_is_bounded(self) -> None:
        assert (self.folder / "spool.sqlite").stat().st_size <= TIGHT


TestWorld = World.TestCase
TestWorld.settings = settings(max_examples=150, stateful_step_count=50, deadline=None)
TestTightWorld = TightWorld.TestCase
TestTightWorld.settings = settings(max_examples=60, stateful_step_count=50, deadline=None)
