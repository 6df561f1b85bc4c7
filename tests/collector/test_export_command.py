"""`gpufleet-collector export` writes what the database holds into a file that is whole or not there."""

import asyncio
import csv
import io
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from fakes.clock import START_US, FakeClock
from fakes.fleet import event, sample
from fakes.storing import Store, store
from gpufleet_collector.__main__ import run as run_command_line
from gpufleet_collector.config import CollectorConfig, read_config
from gpufleet_collector.errors import ConfigurationError
from gpufleet_collector.export_command import Streams, guess_format, run
from gpufleet_collector.model import METRIC_NAMES, Process

SPAN = [("since", "2026-01-01T00:00:00Z"), ("until", "2026-01-01T01:00:00Z")]
SPAN_FLAGS = [text for name, value in SPAN for text in (f"--{name}", value)]
HOME = {"HOME": "/nowhere"}


def config_of(dsn: str) -> CollectorConfig:
    return read_config(HOME | {"DATABASE_URL": dsn}, {}, user_id=1)


@pytest.fixture
async def made(database_url: str) -> AsyncIterator[Store]:
    """Two GPUs, ten samples of each, an event and a process."""
    async with store(database_url) as made:
        made.clock.advance(7200)
        made.declare("host-1", "GPU-a", "GPU-b", seconds=0)
        for second in range(10):
            made.offer("host-1", sample("GPU-a", second, power_watts=second + 0.5), sample("GPU-b", second))
        made.tell_events("host-1", event("e1", 5))
        made.tell_processes("host-1", 5, Process("GPU-a", 4711, START_US, "python train.py", 1024))
        await made.flush()
        yield made


async def export(made: Store, output: str, *asked: tuple[str, str]) -> tuple[int, bytes, list[str]]:
    """Status, standard output, and what was said."""
    said = io.StringIO()
    with tempfile.TemporaryFile() as out:
        streams = Streams(out.fileno(), said)
        status = await run(config_of(made.dsn), [*SPAN, *asked], output=output, clock=FakeClock(), streams=streams)
        out.seek(0)
        return status, out.read(), said.getvalue().splitlines()


def files(folder: Path) -> dict[str, int]:
    """Names and sizes."""
    return {path.name: path.stat().st_size for path in folder.iterdir()}


async def test_samples_as_csv_on_the_standard_output(made: Store) -> None:
    status, out, said = await export(made, "-", ("metrics", "power_watts"), ("gpu_uuid", "GPU-a"))
    header, *lines = csv.reader(io.StringIO(out.decode()))
    assert status == 0
    assert header == ["host", "gpu_uuid", "gpu_index", "gpu_name", "recorded_at", "power_watts"]
    assert lines == [
        ["host-1", "GPU-a", "0", "NVIDIA H200", f"2026-01-01T00:00:0{second}.000000Z", f"{second}.5"]
        for second in range(10)
    ]
    assert said == [f"10 samples, {len(out)} B in 0 s"]


async def test_every_metric_as_parquet_by_the_name_of_the_file(made: Store, tmp_path: Path) -> None:
    path = tmp_path / "out.parquet"
    status, out, said = await export(made, str(path))
    table = pq.read_table(path)
    assert (status, out, table.num_rows) == (0, b"", 20)
    assert set(METRIC_NAMES) < set(table.column_names)
    assert table.column("power_watts").drop_null().to_pylist() == [second + 0.5 for second in range(10)]
    assert said[0].startswith("20 samples, ")
    assert f" into {path} in " in said[0]
    assert files(tmp_path) == {"out.parquet": path.stat().st_size}


async def test_buckets_events_and_processes(made: Store) -> None:
    _, out, _ = await export(made, "-", ("step", "5"), ("metrics", "power_watts"), ("gpu_index", "0"))
    assert [line.split(b",")[4:] for line in out.splitlines()[1:]] == [
        [b"5", b"false", b"2.5", b"0.5", b"4.5"],
        [b"5", b"false", b"7.5", b"5.5", b"9.5"],
    ]
    _, out, said = await export(made, "-", ("what", "events"))
    assert out.splitlines()[1].startswith(b"e1,host-1,GPU-a,0,NVIDIA H200,xid,critical,79,")
    assert said[0].startswith("1 events, ")
    _, out, _ = await export(made, "-", ("what", "processes"))
    assert out.splitlines()[1].startswith(
        b"host-1,GPU-a,0,NVIDIA H200,4711,2026-01-01T00:00:00.000000Z,python train.py"
    )


@pytest.mark.parametrize(
    ("output", "form"), [("-", "csv"), ("out.csv", "csv"), ("OUT.CSV", "csv"), ("a/b.parquet", "parquet")]
)
def test_the_ending_says_the_format(output: str, form: str) -> None:
    assert guess_format(output) == form


@pytest.mark.parametrize("output", ["out", "out.xlsx", "out.csv.gz"])
def test_another_ending_needs_the_flag(output: str) -> None:
    with pytest.raises(ConfigurationError, match=f"--output {output} .*: give --format csv or parquet"):
        guess_format(output)


async def test_a_terminal_is_spared_parquet() -> None:
    ends = os.openpty()
    try:
        with pytest.raises(ConfigurationError, match="--format parquet is not for a terminal: give --output FILE"):
            await run(
                config_of("postgresql:///d"),
                [("format", "parquet")],
                output="-",
                clock=FakeClock(),
                streams=Streams(ends[1], io.StringIO()),
            )
    finally:
        for end in ends:
            os.close(end)


@pytest.mark.parametrize(
    ("flags", "said"),
    [
        (["--since", "yesterday"], "--since is not a time"),
        (["--metrics", "power_horses"], "--metrics 'power_horses' is not a metric"),
        (["--gpu-index", "x"], "--gpu-index is not a whole number"),
        (["--step", "0"], "--step is not a number of seconds"),
        (["--what", "events", "--step", "5"], "--step is not a parameter"),
        (["--output", "out.xlsx"], "--output out.xlsx does not say its format"),
    ],
)
def test_a_wrong_flag_is_one_line_and_status_2(flags: list[str], said: str, capfd: pytest.CaptureFixture[str]) -> None:
    assert run_command_line(["export", *flags, "--database-url", "postgresql:///d"], HOME) == 2
    out, err = capfd.readouterr()
    assert (out, err.count("\n")) == ("", 1)
    assert said in err


@pytest.fixture
def command_line(database_url: str, capfd: pytest.CaptureFixture[str]) -> Callable[..., tuple[int, str, str]]:
    def call(*flags: str) -> tuple[int, str, str]:
        status = run_command_line(["export", *flags, "--database-url", database_url], HOME)
        return status, *capfd.readouterr()

    return call


def test_the_flags_reach_the_command(command_line: Callable[..., tuple[int, str, str]]) -> None:
    flags = ["--host", "a", "--host", "b,c", "--gpu-uuid", "GPU-a", "--metrics", "power_watts", "--step", "60"]
    status, out, err = command_line(*flags, *SPAN_FLAGS)
    assert (status, out.count("\r\n")) == (0, 1)
    assert out.endswith("power_watts_avg,power_watts_min,power_watts_max\r\n")
    assert err.startswith("0 buckets, ")


def test_a_folder_that_is_not_there_is_status_1(
    command_line: Callable[..., tuple[int, str, str]], tmp_path: Path
) -> None:
    status, _, err = command_line("--output", str(tmp_path / "nowhere" / "out.csv"), *SPAN_FLAGS)
    assert status == 1
    assert "No such file or directory" in err.splitlines()[-1]


PROGRAM = """
import sys
from gpufleet_collector.__main__ import run
from gpufleet_collector.store import history_sql
history_sql.samples = lambda *_, **__: (
    "SELECT recorded_at, stay, CAST(1 AS real) AS power_watts"
    " FROM (SELECT n, timestamptz 'epoch' AS recorded_at, 1 AS stay FROM generate_series(1, {rows}) AS n) AS every,"
    " LATERAL (SELECT pg_sleep(CASE WHEN n > {quick} THEN 60 ELSE 0 END)) AS slept"
)
sys.exit(run(sys.argv[1:], {{"HOME": "/nowhere"}}))
"""
SLOW = PROGRAM.format(rows=2000, quick=1500)
"""The first batch comes, and the second never does."""
LONG = PROGRAM.format(rows=1_000_000, quick=1_000_000)
"""Far more than a pipe holds."""


@contextmanager
def exporting(program: str, made: Store, output: str) -> Iterator[subprocess.Popen[bytes]]:
    flags = ["--database-url", made.dsn, "--metrics", "power_watts", "--output", output]
    command = [sys.executable, "-c", program, "export", *flags, *SPAN_FLAGS]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    try:
        yield process
    finally:
        process.kill()
        process.communicate()


@pytest.fixture
def slow_export(made: Store, tmp_path: Path) -> Iterator[subprocess.Popen[bytes]]:
    """An export of which the first batch is written."""
    with exporting(SLOW, made, str(tmp_path / "out.csv")) as process:
        yield process


async def until_half_written(folder: Path) -> None:
    async with asyncio.timeout(20):
        while not any(files(folder).values()):
            await asyncio.sleep(0.02)


INTERRUPTIONS = pytest.mark.parametrize(
    ("number", "status"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)], ids=["ctrl-c", "sigterm"]
)


@INTERRUPTIONS
async def test_who_is_interrupted_leaves_nothing(
    slow_export: subprocess.Popen[bytes], tmp_path: Path, number: signal.Signals, status: int
) -> None:
    await until_half_written(tmp_path)
    assert not (tmp_path / "out.csv").exists()
    slow_export.send_signal(number)
    began = time.monotonic()
    _, err = await asyncio.to_thread(slow_export.communicate, timeout=20)
    assert (slow_export.returncode, err) == (status, b"")
    assert time.monotonic() - began < 10
    assert files(tmp_path) == {}


async def test_who_is_killed_leaves_no_file_of_that_name(slow_export: subprocess.Popen[bytes], tmp_path: Path) -> None:
    await until_half_written(tmp_path)
    slow_export.kill()
    await asyncio.to_thread(slow_export.wait)
    assert not (tmp_path / "out.csv").exists()


async def test_what_a_killed_export_left_is_removed_by_the_next_into_that_file(
    made: Store, slow_export: subprocess.Popen[bytes], tmp_path: Path
) -> None:
    await until_half_written(tmp_path)
    (part,) = files(tmp_path)
    await export(made, str(tmp_path / "out.csv"))
    assert files(tmp_path).keys() == {part, "out.csv"}, "it is still at it"
    slow_export.kill()
    await asyncio.to_thread(slow_export.wait)
    await export(made, str(tmp_path / "out.csv"))
    assert files(tmp_path).keys() == {"out.csv"}


@INTERRUPTIONS
async def test_who_waits_for_a_reader_can_be_interrupted(made: Store, number: signal.Signals, status: int) -> None:
    with exporting(LONG, made, "-") as process:
        assert process.stdout is not None
        await asyncio.to_thread(process.stdout.read, 1000)
        await asyncio.sleep(0.5)
        process.send_signal(number)
        await asyncio.to_thread(process.wait, 10)
        assert process.returncode == status
