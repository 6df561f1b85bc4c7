"""The command line: wrong use is one line and status 2, and asking for help is cheap."""

import resource
import subprocess
import sys
from pathlib import Path

import pytest

PROGRAM = Path(sys.executable).parent / "gpufleet-agent"


def agent(*arguments: str, **environ: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [str(PROGRAM), *arguments],
        env={"PATH": "/usr/bin:/bin", **environ},
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.mark.parametrize(
    ("arguments", "environ", "named"),
    [
        (("run",), {"GPUFLEET_COLLECTOR": "http://nowhere"}, "GPUFLEET_COLLECTOR"),
        (("run", "--collector", "nowhere:1"), {}, "GPUFLEET_COLLECTOR"),
        (("run",), {"GPU_POLL_INTERVAL_SECONDS": "0"}, "GPU_POLL_INTERVAL_SECONDS"),
        (("run", "--gpu-poll-interval-seconds", "often"), {}, "GPU_POLL_INTERVAL_SECONDS"),
        (("run",), {"GPUFLEET_CALL_DEADLINE_SECONDS": "0"}, "GPUFLEET_CALL_DEADLINE_SECONDS"),
        (("run", "--call-deadline-seconds", "never"), {}, "GPUFLEET_CALL_DEADLINE_SECONDS"),
        (("run", "--backend", "rocm"), {}, "GPUFLEET_BACKEND"),
        (("run",), {"GPUFLEET_TOKEN": "gpf_a_b", "GPUFLEET_TOKEN_FILE": "/x"}, "choose one"),
        (("run",), {"GPUFLEET_TOKEN_FILE": "/no/such/file"}, "GPUFLEET_TOKEN_FILE=/no/such/file cannot be read"),
        (("run", "--token-file", "/dev/null"), {}, "GPUFLEET_TOKEN_FILE=/dev/null is empty"),
        (("run", "--token", "gpf_a_b"), {}, "list of processes: set GPUFLEET_TOKEN"),
        (("run",), {"GPUFLEET_TLS_CERT_FILE": "/x"}, "GPUFLEET_TLS_KEY_FILE"),
        (("doctor",), {"GPUFLEET_TLS_KEY_FILE": "/x"}, "GPUFLEET_TLS_CERT_FILE"),
        (("run", "--tls-ca-file", "/dev/null"), {}, "GPUFLEET_TLS_CA_FILE=/dev/null holds no certificate"),
        (("run", "--collector", "grpc://node"), {"GPUFLEET_TOKEN": "gpf_a_b"}, "TLS"),
        (("simulate", "--collector", "grpc://node"), {"GPUFLEET_TOKEN": "gpf_a_b"}, "TLS"),
        (("simulate", "--processes=2", "--collector", "grpc://node"), {"GPUFLEET_TOKEN": "gpf_a_b"}, "TLS"),
        (("simulate", "--processes=2", "--token-file", "/no/such/file"), {}, "GPUFLEET_TOKEN_FILE"),
        (("snapshot", "--backend", "rocm"), {}, "GPUFLEET_BACKEND"),
        (("simulate", "--hosts", "0"), {}, "--hosts"),
        (("simulate", "--gpus", "many"), {}, "--gpus"),
        (("simulate", "--interval", "-1"), {}, "--interval"),
        (("simulate", "--backfill", "yesterday"), {}, "--backfill"),
        (("simulate", "--hosts", "99999999999"), {}, "--hosts"),
        (("run", "--log-level", "loud"), {}, "--log-level"),
        (("run", "--host", "abbreviated"), {}, "--host"),
        (("run", "--collector"), {}, "--collector"),
        ((), {}, "COMMAND"),
    ],
)
def test_wrong_use_is_one_line_that_names_the_setting(
    arguments: tuple[str, ...], environ: dict[str, str], named: str
) -> None:
    answer = agent(*arguments, **environ)
    assert answer.returncode == 2
    assert named in answer.stderr
    assert "gpf_a_b" not in answer.stderr
    assert len(answer.stderr.splitlines()) == 1


def test_help_names_every_setting_and_its_variable() -> None:
    told = agent("run", "--help").stdout
    assert "--gpu-poll-interval-seconds" in told
    assert "GPUFLEET_COLLECTOR" in told


def test_help_loads_neither_grpc_nor_a_driver() -> None:
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    assert agent("--help").returncode == 0
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    code = (
        "import sys; from gpufleet_agent.__main__ import build_parser; build_parser().format_help(); "
        "sys.exit(bool({'grpc', 'pynvml', 'google.protobuf'} & set(sys.modules)))"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
    assert after.ru_utime - before.ru_utime < 2.0
