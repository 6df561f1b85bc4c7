"""One core for the serving process where nobody chose otherwise, every core for its children, and one thread that waits
for gRPC."""

import gc
import os
import random
import subprocess
import sys

import pytest

from gpufleet_collector import economy

CHOOSE = "import os, random; from gpufleet_collector import economy; print(economy.keep_to_one_core(random.Random(1)))"
SHOW = "; print(sorted(os.sched_getaffinity(0)))"
needs_cores = pytest.mark.skipif((os.cpu_count() or 1) < 2, reason="there is one core only")


def run(program: str) -> list[str]:
    whole = f"import os; os.sched_setaffinity(0, range(os.cpu_count())); {program}"
    return subprocess.run([sys.executable, "-c", whole], capture_output=True, text=True, check=True).stdout.splitlines()


@needs_cores
def test_one_core_is_kept_to_where_all_are_allowed() -> None:
    core, kept = run(CHOOSE + SHOW)
    assert kept == f"[{core}]"


@needs_cores
def test_who_was_given_cores_keeps_them() -> None:
    assert run("os.sched_setaffinity(0, {0}); " + CHOOSE + SHOW) == ["None", "[0]"]


@needs_cores
def test_a_child_may_use_every_core() -> None:
    child = "import subprocess; made = subprocess.Popen(['sleep', '9']); economy.let_use_every_core(made.pid)"
    look = "print(sorted(os.sched_getaffinity(made.pid)) == list(range(os.cpu_count()))); made.kill(); made.wait()"
    assert run(f"{CHOOSE}; {child}; {look}")[1] == "True"


def test_a_child_that_has_ended_is_left_alone() -> None:
    ended = subprocess.Popen([sys.executable, "-c", ""])
    ended.wait()
    economy.let_use_every_core(ended.pid)


def test_garbage_is_looked_for_less_often() -> None:
    before = gc.get_threshold()
    try:
        economy.look_for_garbage_less_often()
        assert gc.get_threshold()[0] > before[0]
    finally:
        gc.set_threshold(*before)


def test_the_choice_is_that_of_the_dice(monkeypatch: pytest.MonkeyPatch) -> None:
    chosen: list[set[int]] = []
    monkeypatch.setattr(os, "cpu_count", lambda: 4)
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: {0, 1, 2, 3})
    monkeypatch.setattr(os, "sched_setaffinity", lambda _, cores: chosen.append(cores))
    assert {economy.keep_to_one_core(random.Random(seed)) for seed in range(40)} == {0, 1, 2, 3}
    assert all(len(cores) == 1 for cores in chosen)


@pytest.mark.parametrize(("experiments", "known"), [(economy.ONE_POLLER, True), ("-no_such_thing", False)])
def test_grpc_knows_the_setting_and_complains_of_one_that_it_does_not_know(experiments: str, known: bool) -> None:
    environ = {**os.environ, economy.EXPERIMENTS: experiments}
    command = [sys.executable, "-c", "import grpc"]
    said = subprocess.run(command, env=environ, capture_output=True, text=True, check=True).stderr
    assert (said == "") is known


def test_what_the_operator_says_of_grpc_stands() -> None:
    environ = {economy.EXPERIMENTS: "other"}
    economy.wait_in_one_thread(environ)
    assert environ == {economy.EXPERIMENTS: "other"}


def test_a_collector_loads_grpc_with_the_setting() -> None:
    program = (
        "import sys; from gpufleet_collector import economy, __main__ as main;"
        "economy.wait_in_one_thread = lambda environ: sys.exit('loaded' if 'grpc' in sys.modules else 'not loaded');"
        "main.main(['serve'])"
    )
    ended = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert ended.stderr.strip() == "not loaded"
