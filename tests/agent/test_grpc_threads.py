"""gRPC is told how to wait, in words that it still knows."""

import os
import subprocess
import sys

import pytest

from gpufleet_agent.grpc_threads import ONE_POLLER, VARIABLE, VERBOSITY, leave_words_to_us, wait_in_one_thread


def complaints(experiments: str) -> str:
    """What grpc says when it is loaded under this setting."""
    environ = {**os.environ, VARIABLE: experiments}
    return subprocess.run(
        [sys.executable, "-c", "import grpc"], env=environ, capture_output=True, text=True, check=True
    ).stderr


@pytest.mark.parametrize(("experiments", "known"), [(ONE_POLLER, True), ("-no_such_thing", False)])
def test_grpc_knows_the_setting_and_complains_of_one_that_it_does_not_know(experiments: str, known: bool) -> None:
    assert (complaints(experiments) == "") is known


def test_what_the_operator_says_stands() -> None:
    environ = {VARIABLE: "other", VERBOSITY: "INFO"}
    wait_in_one_thread(environ)
    leave_words_to_us(environ)
    assert environ == {VARIABLE: "other", VERBOSITY: "INFO"}


def test_an_agent_loads_grpc_with_the_setting() -> None:
    program = (
        "import os, sys, gpufleet_agent.__main__ as main;"
        "from gpufleet_agent import grpc_threads as threads;"
        "tell = threads.wait_in_one_thread;"
        "threads.wait_in_one_thread = lambda environ: (tell(environ), print('grpc' in sys.modules, flush=True));"
        "sys.exit(main.main(['run', '--data-dir', '/dev/null/x', '--collector', 'grpc://127.0.0.1:9']))"
    )
    agent = subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    assert agent.stdout is not None
    try:
        assert agent.stdout.readline() == "False\n"
    finally:
        agent.terminate()
        agent.communicate()
