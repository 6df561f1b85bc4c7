"""One nvidia-smi at a time, ended in time, bounded in what it may say, and never waited for without end."""

import os
import select
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from fakes.nvidia_smi import install, starts
from gpufleet_agent.probe.nvidia_smi.process import MAX_STDERR_BYTES, Cause, CommandRunner, NoAnswer

SHORT = 2.0


def _runner(
    command: str, timeout: float = 10.0, kill: Callable[[int, int], None] = os.killpg, **environ: str
) -> CommandRunner:
    environ = {"PATH": os.environ["PATH"], **environ}
    return CommandRunner(command, environ=environ, timeout_seconds=timeout, kill_group=kill)


def _failure(runner: CommandRunner, *arguments: str) -> NoAnswer:
    with pytest.raises(NoAnswer) as caught:
        runner.run(arguments)
    return caught.value


def _is_gone(pid: int) -> bool:
    return not Path(f"/proc/{pid}").exists()


def _ends_soon(pid: int) -> bool:
    """A killed process that is not our child ends when the kernel gets round to it."""
    try:
        descriptor = os.pidfd_open(pid)
    except ProcessLookupError:
        return True
    try:
        return bool(select.select([descriptor], [], [], 10.0)[0])
    finally:
        os.close(descriptor)


def test_an_answer_carries_both_streams_and_the_exit_code() -> None:
    answer = _runner(sys.executable).run(["-c", "import sys; print('out'); print('err', file=sys.stderr); sys.exit(9)"])
    assert (answer.exit_code, answer.stdout, answer.stderr) == (9, "out\n", "err\n")


def test_the_command_speaks_english_and_learns_no_setting_of_ours(tmp_path: Path) -> None:
    program = "import os; print(os.environ.get('LC_ALL'), os.environ.get('GPUFLEET_TOKEN'), os.environ.get('OTHER'))"
    answer = _runner(sys.executable, LC_ALL="de_DE.UTF-8", GPUFLEET_TOKEN="secret", OTHER="kept").run(["-c", program])
    assert answer.stdout == "C None kept\n"


def test_a_command_that_does_not_exist(tmp_path: Path) -> None:
    assert _failure(_runner(str(tmp_path / "nowhere"))).cause is Cause.NOT_FOUND


@pytest.mark.parametrize("content", ["not a program", ""])
def test_a_file_that_is_no_command(tmp_path: Path, content: str) -> None:
    path = tmp_path / "nvidia-smi"
    path.write_text(content)
    assert _failure(_runner(str(path))).cause is Cause.NOT_STARTED


def test_a_name_with_a_null_byte() -> None:
    assert _failure(_runner("nvidia\0smi")).cause is Cause.NOT_STARTED


def test_a_command_that_hangs_is_killed_in_time(tmp_path: Path) -> None:
    runner = _runner(install(tmp_path, {"mode": "hang"}), timeout=2.0)
    begun = time.monotonic()
    assert _failure(runner).cause is Cause.TIMED_OUT
    assert time.monotonic() - begun < 8
    assert _is_gone(starts(tmp_path)[0]["pid"])


def test_what_the_command_started_is_killed_with_it(tmp_path: Path) -> None:
    command = tmp_path / "wrapper"
    command.write_text(f"#!/bin/sh\nsleep 600 &\necho $! > {tmp_path}/pid\n")
    command.chmod(0o755)
    assert _failure(_runner(str(command), timeout=SHORT)).cause is Cause.TIMED_OUT
    assert _ends_soon(int((tmp_path / "pid").read_text()))


def test_a_command_that_answers_and_then_hangs_is_killed(tmp_path: Path) -> None:
    program = "import os, signal; os.close(1); os.close(2); signal.pause()"
    assert _failure(_runner(sys.executable, timeout=SHORT), "-c", program).cause is Cause.TIMED_OUT


def test_an_endless_answer_is_cut_off(tmp_path: Path) -> None:
    runner = _runner(install(tmp_path, {"mode": "flood"}))
    assert _failure(runner).cause is Cause.TOO_LONG
    assert _is_gone(starts(tmp_path)[0]["pid"])


def test_endless_complaints_are_dropped_and_the_answer_kept() -> None:
    program = "import sys; sys.stderr.write('x' * 1000000); print('answer')"
    answer = _runner(sys.executable).run(["-c", program])
    assert (answer.stdout, len(answer.stderr)) == ("answer\n", MAX_STDERR_BYTES)


def test_bytes_that_are_no_text_are_replaced() -> None:
    answer = _runner(sys.executable).run(["-c", "import sys; sys.stdout.buffer.write(b'a\\xff\\n')"])
    assert answer.stdout == "a\N{REPLACEMENT CHARACTER}\n"


def test_a_command_that_cannot_be_killed_blocks_the_next_until_it_is_gone() -> None:
    targets: list[int] = []

    def fail_to_kill(group: int, signal_number: int) -> None:
        targets.append(group)

    runner = _runner(sys.executable, timeout=SHORT, kill=fail_to_kill)
    begun = time.monotonic()
    assert _failure(runner, "-c", "import signal; signal.pause()").cause is Cause.TIMED_OUT
    assert time.monotonic() - begun < 8, "an unkillable command was waited for"

    refused = _failure(runner, "-c", "print('never')")
    assert refused.cause is Cause.STILL_RUNNING
    assert str(targets[0]) in str(refused)

    os.killpg(targets[0], 9)
    os.waitid(os.P_PID, targets[0], os.WEXITED | os.WNOWAIT)
    assert runner.run(["--version"]).exit_code == 0
    assert len(targets) == 1


def test_close_twice_and_without_a_run() -> None:
    runner = _runner("nvidia-smi")
    runner.close()
    runner.close()
