"""A quarter of an hour of load (SOAK_SECONDS) in which the collector goes away and comes back, probes are killed and
GPUs change under their agents: nothing grows, nothing stays behind, every sample arrives."""

import json
import os
import re
import signal
import statistics
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest
from bench.report import Row, publish
from drills.test_kills import stored

from fakes.nvml.library import SCRIPT_VARIABLE, FakeDriver, FakeGpu, compile_library, full_gpu, mig_instance, split_gpu
from fakes.processes import Collector, Process, final_count, running_collector, running_fleet, wait_for
from fakes.vitals import Vitals, children, growth, look, of_session, opened, risen, rss_slope
from gpufleet_collector.economy import MANY_OBJECTS

SECONDS = float(os.environ.get("SOAK_SECONDS", "900"))
RESPAWNS, INVENTORY_CHANGES = round(200 * SECONDS / 600), round(50 * SECONDS / 600)
GPUS, TICK_SECONDS = 8, 0.2
FLEET = ("--hosts", "40", "--gpus", "8", "--interval", "0.5")
LOOK_SECONDS, STEP_SECONDS = 1.0, 0.1
OUTAGE_SECONDS = 8.0
OUTAGES = (0.1, 0.5)
"""When the collector is killed, as shares of the run: in the warm-up, so that what only an outage loads (sqlite3) is
there, and again after the first quarter of the watch, to see whether that leaves anything behind."""
AGENTS_WARM, COLLECTOR_WARM = 0.3, 0.65
"""From these shares of the run on is watched: caches are full then, and the last collector is as old as that."""

MEBIBYTE = 1024 * 1024
MOST_SLOPE_MIB = 0.75
"""Of RSS over the time watched, by the median slope. A heap without any leak settles for longer than ten minutes: free
lists of CPython fill, and a probe was seen to take 0.6 MiB more in its first two hundred slow passes (half an hour) and
nothing after them. More than this are 5 KiB left behind by each of 140 probes or 375 bytes by each of 2,100 ticks."""
MOST_GROWTH_MIB = 1.0
"""From the first quarter of the watch to the last: what jumps as well."""
MOST_SHARE = 0.01 if SECONDS >= 300 else 0.05
"""Of the RSS of the fleet over the time watched, by the median slope. In a short run caches still fill."""

MOST_GARBAGE_MIB = MANY_OBJECTS * 256 / MEBIBYTE
"""Of the RSS of a collector over the time watched, by the median slope. It lets so many objects become garbage in
cycles before it looks for them, which in a quiet one takes longer than the watch. Where it looks every 30 s, the same
fleet leaves less than a tenth of this. More than this are 25 bytes left behind by each of 200,000 samples."""

MOST_WAITING = round(2.0 / TICK_SECONDS)
"""Reports on their way in quiet times; what waits for longer goes to the spool."""

FIGURES = Path("build/soak.json")

pytestmark = [pytest.mark.soak, pytest.mark.timeout(SECONDS + 300)]


def board(number: int, name: str = "NVIDIA H100 80GB HBM3") -> FakeGpu:
    gpu = full_gpu(number)
    gpu.values["nvmlDeviceGetName"] = name
    return gpu


def inventory(first: int, change: int) -> list[FakeGpu]:
    """The GPUs of a host, those numbered from `first` on, after so many changes: each is another inventory than the one
    before. The boards are the same ones again and again: a new one is remembered, within a bound, and would count."""
    gpus = [board(first + number) for number in range(GPUS)]
    kind = change % 8
    if kind == 1:
        del gpus[3]
    elif kind in (2, 3):
        sizes = {2: (1, 2), 3: (4, 5, 6)}[kind]
        gpus[3] = split_gpu(first + 3, *(mig_instance(first + 3, instance) for instance in sizes))
    elif kind == 4:
        gpus[5].lost = True
    elif kind == 5:
        gpus[0], gpus[1] = gpus[1], gpus[0]
    elif kind == 6:
        gpus[7] = board(first + 100, "NVIDIA H200")
    elif kind == 7:
        gpus.append(board(first + GPUS))
    return gpus


class Agent(Process):
    """`gpufleet-agent run` on a host whose GPUs are those of the stand-in for NVML, numbered from `first` on."""

    def __init__(self, name: str, first: int, folder: Path, library: Path, collector: Collector) -> None:
        self.name = name
        self._first = first
        self._change = 0
        self._script = folder / f"{name}.nvml"
        self._tell()
        super().__init__(
            "gpufleet-agent",
            *("run", "--backend", "nvml", "--gpu-poll-interval-seconds", f"{TICK_SECONDS}"),
            log=folder / f"{name}.log",
            environ={
                "GPUFLEET_COLLECTOR": collector.target,
                "GPUFLEET_HOST_NAME": name,
                "GPUFLEET_DATA_DIR": str(folder / "agents"),
                "LD_LIBRARY_PATH": str(library),
                SCRIPT_VARIABLE: str(self._script),
            },
        )

    @property
    def probe(self) -> int | None:
        """The pid of the one probe; none while there is none, and a failure when there are two."""
        pids = children(self.running.pid)
        assert len(pids) <= 1, f"{self.name} has the children {pids}"
        return pids[0] if pids else None

    def change_inventory(self) -> None:
        self._change += 1
        self._tell()

    def _tell(self) -> None:
        fresh = self._script.with_suffix(".new")
        fresh.write_text(FakeDriver(gpus=inventory(self._first, self._change)).text())
        fresh.replace(self._script)

    def tally(self) -> dict[str, int]:
        """What became of its samples, as it said at its end."""
        (text,) = re.findall(r"samples: (\{.*\})$", self.errors, re.MULTILINE)
        counts: dict[str, int] = json.loads(text)
        return counts


@contextmanager
def running_agent(name: str, first: int, folder: Path, library: Path, collector: Collector) -> Iterator[Agent]:
    agent = Agent(name, first, folder, library, collector)
    try:
        agent.start()
        yield agent
    finally:
        agent.stop()


class Soak:
    """What is done to whom, and when, and what was seen meanwhile."""

    def __init__(self, collector: Collector, fleet: Process, shaken: Agent, calm: Agent) -> None:
        self._collector, self._fleet = collector, fleet
        self._shaken, self._calm = shaken, calm
        self._started = time.monotonic()
        self._outages = [share * SECONDS for share in OUTAGES]
        self._collector_back: float | None = None
        self._killed: int | None = None
        self._next_look = 0.0
        self.respawns = self.changes = self.outages = 0
        self.seen: dict[str, list[Vitals]] = {}

    def run(self) -> None:
        while (now := time.monotonic() - self._started) < SECONDS or not self._is_done():
            assert now < SECONDS + 60, f"{self.respawns} respawns and {self.changes} inventories within {now:.0f} s"
            self._collector_goes_and_comes(now)
            if self.respawns < RESPAWNS and now >= (self.respawns + 1) * 0.95 * SECONDS / RESPAWNS:
                self._kill_probe()
            if self.changes < INVENTORY_CHANGES and now >= (self.changes + 1) * 0.95 * SECONDS / INVENTORY_CHANGES:
                self.changes += 1
                self._shaken.change_inventory()
                self._calm.change_inventory()
            if now >= self._next_look:
                self._next_look = now + LOOK_SECONDS
                self._look(now)
            time.sleep(STEP_SECONDS)

    def _is_done(self) -> bool:
        return self.respawns >= RESPAWNS and self.changes >= INVENTORY_CHANGES and not self._outages

    def _collector_goes_and_comes(self, now: float) -> None:
        """Its start takes seconds, in which probes die and GPUs change as ever."""
        if self._outages and now >= self._outages[0]:
            self._outages.pop(0)
            self._collector.process.kill()
            self._collector_back = now + OUTAGE_SECONDS
        if self._collector_back is not None and now >= self._collector_back:
            self._collector_back = None
            self._collector.process.start()
            self.outages += 1

    def _kill_probe(self) -> None:
        probe = self._shaken.probe
        if probe is not None and probe != self._killed:
            os.kill(probe, signal.SIGKILL)
            self._killed = probe
            self.respawns += 1

    def _look(self, now: float) -> None:
        if now >= AGENTS_WARM * SECONDS:
            for agent in (self._shaken, self._calm):
                self._note(f"{agent.name} supervisor", agent.running.pid, now)
            probe = self._calm.probe
            assert probe is not None
            self._note(f"{self._calm.name} probe", probe, now)
        if now >= COLLECTOR_WARM * SECONDS:
            self._note("collector", self._collector.process.running.pid, now)
            self._note("fleet", self._fleet.running.pid, now)

    def _note(self, name: str, pid: int, now: float) -> None:
        self.seen.setdefault(name, []).append(look(pid, now))


def rows_of_agent(name: str, seen: list[Vitals]) -> list[Row]:
    slope = rss_slope(seen) * (seen[-1].at - seen[0].at) / MEBIBYTE
    grown = growth([one.rss_bytes for one in seen]) / MEBIBYTE
    return [
        Row(f"{name} RSS, slope over the watch", slope, "MiB", MOST_SLOPE_MIB),
        Row(f"{name} RSS, last quarter - first", grown, "MiB", MOST_GROWTH_MIB),
        Row(f"{name} threads, fewest of last quarter - of first", risen([one.threads for one in seen]), "", 0),
        Row(f"{name} open files, fewest of last quarter - of first", risen([one.descriptors for one in seen]), "", 0),
    ]


def row_of_server(name: str, seen: list[Vitals]) -> Row:
    share = rss_slope(seen) * (seen[-1].at - seen[0].at) / statistics.median(one.rss_bytes for one in seen)
    return Row(f"{name} RSS, slope over the watch", 100 * share, "%", 100 * MOST_SHARE)


def row_of_collector(name: str, seen: list[Vitals]) -> Row:
    slope = rss_slope(seen) * (seen[-1].at - seen[0].at) / MEBIBYTE
    return Row(f"{name} RSS, slope over the watch", slope, "MiB", MOST_GARBAGE_MIB)


def test_a_leak_is_seen_and_noise_is_not() -> None:
    steady = [Vitals(second, 40_000_000 + second % 3 * 4096, 9, ("socket",) * 20) for second in range(400)]
    leaking = [
        Vitals(second, 40_000_000 + second * 2000, 9, ("socket",) * (20 + second // 100)) for second in range(400)
    ]
    assert all(row.ok for row in rows_of_agent("steady", steady))
    assert [row.ok for row in rows_of_agent("leaking", leaking)] == [False, True, True, False]
    assert (opened(steady), opened(leaking)) == ({}, {"socket": 3})
    leaking_much = [Vitals(one.at, 8 * one.rss_bytes - 280_000_000, 9, ()) for one in leaking]
    for judged in (row_of_server, row_of_collector):
        assert judged("steady", steady).ok
        assert not judged("leaking", leaking_much).ok


def test_nothing_grows_and_nothing_is_lost_while_everything_comes_and_goes(
    open_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    library = compile_library(open_path)
    with ExitStack() as running:
        collector = running.enter_context(running_collector(open_path))
        fleet = running.enter_context(running_fleet(open_path, collector, *FLEET))
        shaken = running.enter_context(running_agent("shaken", 0, open_path, library, collector))
        calm = running.enter_context(running_agent("calm", 20, open_path, library, collector))
        wait_for(lambda: collector.get("/api/v1/hosts")["count"] == 42, "all hosts are there")
        soak = Soak(collector, fleet, shaken, calm)
        soak.run()
        collector.wait_ready()
        wait_for(lambda: settled(collector, ("shaken", "calm")), "all that waited has arrived")
        respawns = cost_of(collector, "shaken")["probe_restarts_total"]
        assert (soak.outages, cost_of(collector, "calm")["probe_restarts_total"]) == (2, 0)
        for agent in (shaken, calm):
            agent.stop()
            assert of_session(agent.running.pid) == [], "a process is left behind"
        taken = final_count(fleet.stop())["taken"] + sum(taken_by(agent) for agent in (shaken, calm))
        assert stored(collector.database_url()) == (taken, taken)
    rows = [
        row
        for name in ("shaken supervisor", "calm supervisor", "calm probe")
        for row in rows_of_agent(name, soak.seen[name])
    ]
    rows += [row_of_collector("collector", soak.seen["collector"]), row_of_server("fleet", soak.seen["fleet"])]
    with capsys.disabled():
        publish(rows, FIGURES)
    assert respawns >= soak.respawns == RESPAWNS
    files = {name: opened(seen) for name, seen in soak.seen.items()}
    assert all(row.ok for row in rows), ([row for row in rows if not row.ok], files)


def cost_of(collector: Collector, host: str) -> dict[str, int]:
    hosts = collector.get("/api/v1/hosts?limit=100")["hosts"]
    (cost,) = [one["agent"]["cost"] for one in hosts if one["host"] == host]
    found: dict[str, int] = cost
    return found


def settled(collector: Collector, hosts: tuple[str, ...]) -> bool:
    """But for what was taken just before a heartbeat: commits come most of a second apart."""
    costs = [cost_of(collector, host) for host in hosts]
    return all(cost["unacked_reports"] <= MOST_WAITING and not cost["spool_reports"] for cost in costs)


def taken_by(agent: Agent) -> int:
    """After its end; all of it has to be settled."""
    counts = agent.tally()
    assert counts["refused"] == counts["dropped"] == counts["pending"] == 0, counts
    assert counts["settled"] == counts["taken"] > 0
    return counts["taken"]
