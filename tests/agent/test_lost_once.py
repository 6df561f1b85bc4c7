"""One event for one loss, whoever tells it first and however often; another loss is another event."""

from hypothesis import given
from hypothesis import strategies as st

from gpufleet_agent.lost_once import MAX_GPUS, SAME_LOSS_US, LostOnce
from gpufleet_agent.readings import GpuEvent


def event(kind: str, uuid: str | None = "GPU-1", instant_us: int = 0) -> GpuEvent:
    return GpuEvent(instant_us, kind, "CRITICAL", "", uuid)


LOST, FOUND = event("GPU_LOST"), event("GPU_FOUND")


def test_the_first_to_tell_is_told() -> None:
    losses = LostOnce()
    assert losses.of_kernel([LOST]) == (LOST,)
    assert losses.of_inventory([LOST]) == ()
    losses = LostOnce()
    assert losses.of_inventory([LOST]) == (LOST,)
    assert losses.of_kernel([LOST, LOST]) == ()


def test_a_gpu_that_was_found_may_be_lost_again() -> None:
    losses = LostOnce()
    losses.of_kernel([LOST])
    assert losses.of_inventory([LOST, FOUND]) == (FOUND,)
    assert losses.of_kernel([LOST]) == (LOST,)
    assert losses.of_inventory([LOST]) == ()


def test_what_no_reading_saw_is_forgotten_after_a_while() -> None:
    """The GPU was reset between two readings, and nobody said that it is back."""
    losses = LostOnce()
    losses.of_kernel([LOST])
    soon, later = event("GPU_LOST", instant_us=SAME_LOSS_US), event("GPU_LOST", instant_us=2 * SAME_LOSS_US + 1)
    assert losses.of_kernel([soon]) == ()
    assert losses.of_kernel([later]) == (later,)


def test_while_it_is_missing_the_kernel_may_say_so_for_days() -> None:
    losses = LostOnce()
    losses.of_inventory([LOST])
    assert losses.of_kernel([event("GPU_LOST", instant_us=100 * SAME_LOSS_US)]) == ()


def test_each_gpu_has_its_own_losses_and_other_events_pass() -> None:
    losses = LostOnce()
    others = [event("GPU_LOST", "GPU-2"), event("XID"), event("XID"), event("GPU_HUNG"), event("GPU_LOST", None)]
    assert losses.of_kernel([LOST, *others, others[-1]]) == (LOST, *others, others[-1])
    assert losses.of_inventory(others) == (*others[1:],)


def test_what_is_remembered_is_bounded() -> None:
    losses = LostOnce()
    flood = [event("GPU_LOST", f"GPU-{number}") for number in range(MAX_GPUS + 1)]
    assert losses.of_kernel(flood) == tuple(flood)
    assert losses.of_kernel(flood[1:]) == ()
    assert losses.of_kernel(flood[:1]) == (flood[0],)


@given(st.lists(st.tuples(st.sampled_from(["kernel", "inventory"]), st.sampled_from(["GPU_LOST", "GPU_FOUND"]))))
def test_between_two_finds_there_is_at_most_one_loss(story: list[tuple[str, str]]) -> None:
    losses = LostOnce()
    told: list[GpuEvent] = []
    for source, kind in story:
        if source == "kernel":
            told += losses.of_kernel([LOST])
        else:
            told += losses.of_inventory([event(kind)])
    runs = "".join("F" if each.kind == "GPU_FOUND" else "L" for each in told)
    assert "LL" not in runs
