"""What one process does to spend less CPU on the same work: it keeps to one core, looks for garbage less often, and
waits for all connections in one thread."""

import gc
import os
import random
from collections.abc import MutableMapping

MANY_OBJECTS, ROUNDS = 20_000, 20
"""Python's own thresholds, 700 and 10, have a fleet's worth of lasting objects searched many times a second."""

EXPERIMENTS, ONE_POLLER = "GRPC_EXPERIMENTS", "-event_engine_listener"


def wait_in_one_thread(environ: MutableMapping[str, str]) -> None:
    """Let the thread that waits for gRPC's events read from the connections too. By default a pool of threads
    (EventEngine) does and hands everything on, which takes a quarter more CPU for every report (gRPC 1.85). A choice
    made in the environment stands. To be called before grpc is imported."""
    environ.setdefault(EXPERIMENTS, ONE_POLLER)


def keep_to_one_core(chance: random.Random) -> int | None:
    """The calling thread, and the threads that it starts from now on, stay on one core: gRPC's threads and the loop
    hand work to each other all the time, and hardly ever work at once. Returns the core; None where there is only one,
    or somebody has chosen cores for this process already. Children inherit it, unless told otherwise."""
    allowed = os.sched_getaffinity(0)
    if len(allowed) == 1 or len(allowed) < (os.cpu_count() or 1):
        return None
    core = chance.choice(sorted(allowed))
    os.sched_setaffinity(0, {core})
    return core


def let_use_every_core(pid: int) -> None:
    """A child that was started by a thread that keeps to one core. Nothing happens where it has ended."""
    try:
        os.sched_setaffinity(pid, range(os.cpu_count() or 1))
    except (ProcessLookupError, PermissionError):
        return


def look_for_garbage_less_often() -> None:
    gc.set_threshold(MANY_OBJECTS, ROUNDS, ROUNDS)
