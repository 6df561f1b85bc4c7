"""A reading for a command is taken by a process of its own, whose hang or death is told and does no other harm."""

import os
import signal
from pathlib import Path

from fakes.nvidia_smi import gpu, install, starts
from gpufleet_agent.one_reading import Taken, take


def _take(command: str, timeout_seconds: float = 30.0) -> Taken:
    return take("nvidia-smi", nvidia_smi=command, host="node-1", environ=os.environ, timeout_seconds=timeout_seconds)


def _command(folder: Path, text: str) -> str:
    path = folder / "nvidia-smi"
    path.write_text(f"#!/bin/sh\n{text}\n")
    path.chmod(0o755)
    return str(path)


def test_a_reading_comes_with_its_instant(tmp_path: Path) -> None:
    taken = _take(install(tmp_path, {"gpus": [gpu(power__draw=69.85)]}))
    assert taken.problem is None
    assert taken.reading is not None
    assert taken.reading.gpus[0].values == {"power_watts": 69.85}
    assert taken.instant_us > 1_767_225_600_000_000


def test_a_call_that_hangs_is_named(tmp_path: Path) -> None:
    taken = _take(install(tmp_path, {"mode": "hang"}), timeout_seconds=3.0)
    os.kill(starts(tmp_path)[0]["pid"], signal.SIGKILL)
    assert taken.reading is None
    assert "No reading within 3 s; it hangs in nvidia-smi --query-gpu, " in (taken.problem or "")


def test_a_call_that_kills_the_process_is_named(tmp_path: Path) -> None:
    taken = _take(_command(tmp_path, "kill -KILL $PPID"))
    assert taken.reading is None
    assert taken.problem == "The process that reads the GPUs died with signal SIGKILL in nvidia-smi --query-gpu."


def test_what_the_process_said_last_is_repeated(tmp_path: Path) -> None:
    taken = _take(_command(tmp_path, "echo 'assertion failed' > /proc/$PPID/fd/2; kill -KILL $PPID"))
    assert (taken.problem or "").endswith("--query-gpu: assertion failed.")


def test_a_line_that_is_no_reading_is_told(tmp_path: Path) -> None:
    taken = _take(_command(tmp_path, "echo garbage > /proc/$PPID/fd/1"))
    assert taken.reading is None
    assert (taken.problem or "").startswith("Not a reading: ")
