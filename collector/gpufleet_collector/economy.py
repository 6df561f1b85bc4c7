"""What one process does to spend less CPU on the same work: it keeps to one core, and looks for garbage less often."""

import gc
import os
import random

MANY_OBJECTS, ROUNDS = 20_000, 20
"""Python's own thresholds, 700 and 10, have a fleet's worth of lasting objects searched many times a second."""


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
