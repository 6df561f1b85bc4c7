"""The doctor shows what a running agent costs, and where there is none to be seen, why and what to do."""

import os
import re
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from fakes.processes import Process, wait_for
from fakes.status import STATUS
from gpufleet_agent.doctor.agent import agent_findings
from gpufleet_agent.doctor.figures import cost_findings
from gpufleet_agent.doctor.finding import Finding, Mark
from gpufleet_agent.status_file import AgentStatus, own_pid_namespace, process_start, status_path, write_status

NOW_US = STATUS.written_at_us + 2_000_000


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A machine on which no process runs."""
    (tmp_path / "root/proc/self/ns").mkdir(parents=True)
    (tmp_path / "root/proc/self/ns/pid").symlink_to(STATUS.pid_namespace)
    return tmp_path / "root"


def start_process(root: Path, pid: int, *words: str, start: int = STATUS.process_start) -> None:
    """Let it be found in /proc."""
    folder = root / f"proc/{pid}"
    folder.mkdir()
    (folder / "cmdline").write_bytes(b"".join(word.encode() + b"\0" for word in words))
    (folder / "stat").write_text(f"{pid} (a) name) S {' '.join(['0'] * 18)} {start} 0 0")


def found(data: Path, root: Path, now_us: int = NOW_US) -> list[Finding]:
    return agent_findings(data, "node-1", now_us, root)


def first(status: AgentStatus, data: Path, root: Path, now_us: int = NOW_US) -> tuple[Mark, str, str | None]:
    """The finding about the agent as a whole."""
    write_status(status_path(data / "agent", "node-1"), status)
    finding = found(data, root, now_us)[0]
    return finding.mark, finding.text, finding.remedy


def test_an_agent_that_runs(tmp_path: Path, root: Path) -> None:
    start_process(root, 77, "gpufleet-agent", "run")
    mark, text, _ = first(STATUS, tmp_path, root)
    assert mark is Mark.OK
    assert text == (
        "agent of node-1, version 1.0: runs as process 77 since 2023-11-14T22:13:20Z, all figures said 2 s ago"
    )


@pytest.mark.parametrize(
    ("age_seconds", "text", "remedy"),
    [
        (2, "process 77 is gone without a word, last said 2 s ago", "see its log"),
        (7200, "process 77 is gone without a word, last said 2 h ago", "see its log"),
    ],
)
def test_an_agent_that_was_killed(tmp_path: Path, root: Path, age_seconds: int, text: str, remedy: str) -> None:
    start_process(root, 77, "another", start=STATUS.process_start + 1)
    mark, said, what_to_do = first(STATUS, tmp_path, root, STATUS.written_at_us + age_seconds * 1_000_000)
    assert mark is Mark.WARN
    assert text in said
    assert what_to_do is not None
    assert remedy in what_to_do


def test_an_agent_that_runs_and_has_stopped_saying_so(tmp_path: Path, root: Path) -> None:
    start_process(root, 77, "gpufleet-agent", "run")
    mark, text, remedy = first(STATUS, tmp_path, root, STATUS.written_at_us + 60_000_000)
    assert (mark, "all figures are old: said 60 s ago" in text) == (Mark.WARN, True)
    assert remedy is not None
    assert "disk may be full" in remedy


def test_an_agent_in_another_pid_namespace_is_judged_by_its_silence_alone(tmp_path: Path, root: Path) -> None:
    elsewhere = replace(STATUS, pid_namespace="pid:[4026530000]")
    assert first(elsewhere, tmp_path, root)[0] is Mark.OK
    mark, text, remedy = first(elsewhere, tmp_path, root, STATUS.written_at_us + 600_000_000)
    assert (mark, "has been silent, last said 10 min ago" in text) == (Mark.WARN, True)
    assert remedy is not None
    assert "another PID namespace" in remedy


def test_an_agent_that_has_ended(tmp_path: Path, root: Path) -> None:
    mark, text, remedy = first(replace(STATUS, ended=True), tmp_path, root, STATUS.written_at_us + 3 * 86_400_000_000)
    assert (mark, remedy) == (Mark.WARN, "start it: gpufleet-agent run")
    assert "ended 3 days ago; all figures are its last ones" in text


def test_an_agent_whose_clock_is_another(tmp_path: Path, root: Path) -> None:
    elsewhere = replace(STATUS, pid_namespace="")
    mark, text, _ = first(elsewhere, tmp_path, root, STATUS.written_at_us - 3600_000_000)
    assert (mark, "by another clock" in text) == (Mark.WARN, True)


def only(findings: list[Finding]) -> tuple[str, str]:
    (finding,) = findings
    assert finding.mark is Mark.WARN
    assert finding.remedy is not None
    return finding.text, finding.remedy


def test_no_agent_at_all(tmp_path: Path, root: Path) -> None:
    text, remedy = only(found(tmp_path, root))
    assert text == f"no agent of the host name node-1 has kept its data in {tmp_path / 'agent'}"
    assert remedy == "start it: gpufleet-agent run"


def test_an_agent_with_another_data_directory(tmp_path: Path, root: Path) -> None:
    start_process(root, 5, "/usr/bin/python3", "/opt/bin/gpufleet-agent", "run", "--backend", "nvml")
    start_process(root, 6, "/usr/bin/python3", "/opt/bin/gpufleet-agent", "doctor")
    start_process(root, 7)
    text, remedy = only(found(tmp_path, root))
    assert text.endswith(", but one runs (process 5)")
    assert "GPUFLEET_DATA_DIR" in remedy


def test_an_agent_with_another_host_name(tmp_path: Path, root: Path) -> None:
    write_status(status_path(tmp_path / "agent", "node-2"), STATUS)
    text, remedy = only(found(tmp_path, root))
    assert text.endswith("; there are node-2")
    assert "GPUFLEET_HOST_NAME" in remedy


def test_an_agent_of_root_seen_by_somebody_else(tmp_path: Path, root: Path) -> None:
    (root / "var/lib/gpufleet/agent").mkdir(parents=True)
    text, remedy = only(found(tmp_path, root))
    assert "/var/lib/gpufleet" in text
    assert "as root" in remedy


def test_a_status_that_cannot_be_understood_or_read(tmp_path: Path, root: Path) -> None:
    path = status_path(tmp_path / "agent", "node-1")
    path.parent.mkdir()
    path.write_text("{")
    assert "cannot be understood" in only(found(tmp_path, root))[0]
    path.unlink()
    path.mkdir()  # as good as what nobody may read, also for root
    assert "cannot be read" in only(found(tmp_path, root))[0]
    assert "no data directory" in only(agent_findings(None, "node-1", NOW_US, root))[0]


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_a_status_that_this_user_may_not_read(tmp_path: Path, root: Path) -> None:
    path = status_path(tmp_path / "agent", "node-1")
    write_status(path, STATUS)
    path.chmod(0)
    text, remedy = only(found(tmp_path, root))
    assert text.endswith("cannot be read: Permission denied")
    assert "as the user who runs the agent" in remedy


WHOLE_COST = {
    "supervisor_rss_bytes": 43_000_000,
    "supervisor_cpu_seconds_total": 0.3,
    "probe_rss_bytes": 19_000_000,
    "probe_cpu_seconds_total": 0.21,
    "samples_taken_total": 1600,
    "samples_dropped_total": 0,
    "reconnects_total": 1,
    "unacked_reports": 2,
    "unacked_bytes": 3000,
    "spool_reports": 0,
    "spool_bytes": 20480,
    "tick_milliseconds": {"slow": 324.0, "core": 1.234},
}


def lines(cost: dict[str, object], status: AgentStatus = STATUS) -> list[tuple[str, str]]:
    return [(finding.mark.value, finding.text) for finding in cost_findings(replace(status, cost=cost))]


def test_every_figure_with_its_unit() -> None:
    assert lines(dict(WHOLE_COST)) == [
        ("ok", "reads 8 GPUs through nvml every 5 s"),
        ("ok", "memory (RSS): supervisor 41.0 MiB, probe 18.1 MiB"),
        ("ok", "CPU time: supervisor 0.30 s, probe 0.21 s; together 0.51 % of a core since it started"),
        ("ok", "driver calls at the last tick: core 1.2 ms, slow 324.0 ms"),
        ("ok", "probe: never replaced"),
        ("ok", "stream: up, 1 reconnect"),
        ("ok", "samples: 1600 taken, 0 dropped"),
        ("ok", "queue: 2 reports not settled yet, 2.9 KiB"),
        ("ok", "spool: 0 reports, 20.0 KiB on disk"),
    ]


def test_what_is_not_well_is_a_warning() -> None:
    bad = {
        **WHOLE_COST,
        "hung_call": "nvmlDeviceGetPowerUsage GPU 3",
        "hung_seconds": 7.4,
        "probe_restarts_total": 2,
        "samples_dropped_total": 80,
        "spool_dropped_samples_total": 72,
        "spool_failures_total": 1,
    }
    down = replace(STATUS, connected=False, last_error="cannot be reached")
    warnings = [text for mark, text in lines(bad, down) if mark == "warn"]
    assert warnings == [
        "driver call nvmlDeviceGetPowerUsage GPU 3 hangs for 7 s",
        "probe: replaced 2 times",
        "stream: down, 1 reconnect: cannot be reached",
        "samples: 1600 taken, 80 dropped (72 of them by the spool)",
        "spool: 0 reports, 20.0 KiB on disk, failed 1 time",
    ]
    assert ("ok", "CPU time: supervisor 0.30 s, probe 0.21 s") in lines(bad), "a new probe is younger than the agent"
    del bad["spool_reports"]
    assert ("warn", "spool: none works now, failed 1 time; what waits is lost with the agent") in lines(bad)


def test_an_agent_that_has_told_nothing_yet() -> None:
    told = lines({"tick_milliseconds": "none", "spool_bytes": True}, replace(STATUS, gpus=None))
    assert told[:3] == [
        ("warn", "it has read nothing yet"),
        ("ok", "memory (RSS): supervisor not known, probe not known"),
        ("ok", "CPU time: supervisor not known, probe not known"),
    ]


@contextmanager
def running_agent(folder: Path) -> Iterator[Process]:
    agent = Process(
        "gpufleet-agent",
        *("run", "--backend", "simulated", "--gpu-poll-interval-seconds", "0.2", "--collector", "grpc://127.0.0.1:9"),
        log=folder / "agent.log",
        environ={"GPUFLEET_DATA_DIR": str(folder), "GPUFLEET_HOST_NAME": "node-1"},
    )
    try:
        agent.start()
        yield agent
    finally:
        agent.stop()


def doctor(folder: Path) -> str:
    command = [str(Path(sys.executable).parent / "gpufleet-agent"), "doctor", "--host-name", "node-1"]
    command += ["--collector", "grpc://127.0.0.1:9"]
    environ = {**os.environ, "GPUFLEET_DATA_DIR": str(folder)}
    return subprocess.run(command, env=environ, capture_output=True, text=True, check=False).stdout


def section(told: str) -> str:
    """What the doctor says of the agent."""
    return told.partition("The agent that runs\n")[2].partition("\n\n")[0]


def test_a_real_agent_is_seen_while_it_runs_when_it_is_killed_and_when_it_has_ended(tmp_path: Path) -> None:
    path = status_path(tmp_path / "agent", "node-1")
    with running_agent(tmp_path) as agent:
        wait_for(lambda: path.exists() and "supervisor_rss" in path.read_text() and '"gpus": 8' in path.read_text(), "a status")  # fmt: skip # noqa: E501
        told = section(doctor(tmp_path))
        assert f"  ok    agent of node-1, version 0.1.0: runs as process {agent.running.pid} since 20" in told
        assert "  ok    reads 8 GPUs through simulated every 0.2 s\n" in told
        assert re.search(r"memory \(RSS\): supervisor \d+\.\d MiB, probe \d+\.\d MiB\n", told)
        assert re.search(r"CPU time: supervisor \d\.\d\d s, probe \d\.\d\d s; together \d+\.\d\d % of a core", told)
        assert "stream: down, 0 reconnects: cannot be reached" in told
        assert re.search(r"samples: [1-9]\d* taken, 0 dropped\n", told)
        assert re.search(r"queue: \d+ reports not settled yet, \d+\.\d KiB\n", told)
        agent.kill()
        assert f"process {agent.running.pid} is gone without a word" in section(doctor(tmp_path))
        agent.start()
        wait_for(lambda: f'"pid": {agent.running.pid},' in path.read_text(), "a status of the next agent")
        agent.stop()
        told = section(doctor(tmp_path))
    assert re.search(r"agent of node-1, version 0.1.0: ended \d s ago; all figures are its last ones\n", told)
    assert "stream:" not in told


def test_the_status_of_a_real_process_is_its_own(tmp_path: Path) -> None:
    own = replace(
        STATUS,
        pid=os.getpid(),
        process_start=process_start(os.getpid()),
        pid_namespace=own_pid_namespace(),
        written_at_us=time.time_ns() // 1000,
    )
    write_status(status_path(tmp_path / "agent", "node-1"), own)
    finding = agent_findings(tmp_path, "node-1", time.time_ns() // 1000)[0]
    assert finding.mark is Mark.OK
