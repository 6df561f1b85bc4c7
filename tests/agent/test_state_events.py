"""From one inventory to the next: what was lost, found or hung, each once, and nothing that nobody saw."""

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from gpufleet_agent.readings import GpuEvent, GpuIdentity, GpuReading, Reading
from gpufleet_agent.state_events import CONDITIONS, MAX_GPUS, Known, StateEvents, agent_started, follow

STATES = ("ok", "lost", "hung", "driver_mismatch", "suspended", "unknown")
CONDITION_AFTER = {"GPU_LOST": "lost", "GPU_FOUND": "ok", "GPU_HUNG": "hung"}


def inventory(states: dict[str, str], driver_version: str | None = "570.1") -> Reading:
    gpus = (
        GpuReading(GpuIdentity(uuid, index, "NVIDIA H100", f"00000000:{index:02X}:00.0"), state)
        for index, (uuid, state) in enumerate(states.items())
    )
    return Reading("nvml", tuple(gpus), driver_version)


def kinds(events: tuple[GpuEvent, ...]) -> list[tuple[str, str | None]]:
    return [(event.kind, event.gpu_uuid) for event in events]


def test_the_first_inventory_is_no_news() -> None:
    assert StateEvents().see(1, inventory({"GPU-1": "ok", "GPU-2": "lost"})) == ()


def test_a_gpu_that_is_lost_and_comes_back() -> None:
    states = StateEvents()
    states.see(1, inventory({"GPU-1": "ok", "GPU-2": "ok"}))
    (lost,) = states.see(2, inventory({"GPU-1": "ok", "GPU-2": "lost"}))
    assert (lost.kind, lost.gpu_uuid, lost.severity, lost.instant_us) == ("GPU_LOST", "GPU-2", "CRITICAL", 2)
    assert lost.text.startswith("GPU 1 (NVIDIA H100, PCI 0000:01:00) is lost")
    assert states.see(3, inventory({"GPU-1": "ok", "GPU-2": "lost"})) == ()
    (found,) = states.see(4, inventory({"GPU-1": "ok", "GPU-2": "ok"}))
    assert (found.kind, found.severity) == ("GPU_FOUND", "INFO")
    assert found.text == "GPU 1 (NVIDIA H100, PCI 0000:01:00) is back: it was lost."


def test_a_gpu_that_vanishes_is_lost_once_and_a_new_one_found() -> None:
    states = StateEvents()
    states.see(1, inventory({"GPU-1": "ok", "GPU-2": "ok"}))
    assert kinds(states.see(2, inventory({"GPU-1": "ok"}))) == [("GPU_LOST", "GPU-2")]
    assert states.see(3, inventory({"GPU-1": "ok"})) == ()
    found = states.see(4, inventory({"GPU-1": "ok", "GPU-3": "ok"}))
    assert kinds(found) == [("GPU_FOUND", "GPU-3")]
    assert found[0].text.endswith("is new on this host.")


def test_a_hang_and_its_end() -> None:
    states = StateEvents()
    states.see(1, inventory({"GPU-1": "ok"}))
    assert kinds(states.see(2, inventory({"GPU-1": "hung"}))) == [("GPU_HUNG", "GPU-1")]
    assert kinds(states.see(3, inventory({"GPU-1": "ok"}))) == [("GPU_FOUND", "GPU-1")]


def test_32_gpus_lost_are_32_events() -> None:
    states = StateEvents()
    states.see(1, inventory({f"GPU-{n}": "ok" for n in range(32)}))
    events = states.see(2, inventory({f"GPU-{n}": "lost" for n in range(32)}))
    assert [event.kind for event in events] == ["GPU_LOST"] * 32


def test_a_gpu_that_falls_asleep_or_wakes_up_is_no_news() -> None:
    states = StateEvents()
    states.see(1, inventory({"GPU-1": "ok"}))
    assert states.see(2, inventory({"GPU-1": "suspended"})) == ()
    assert states.see(3, inventory({"GPU-1": "ok"})) == ()


def test_while_a_driver_is_exchanged_its_gpus_are_not_lost_and_the_new_driver_is_told_once() -> None:
    states = StateEvents()
    states.see(1, inventory({"GPU-1": "ok"}, "570.1"))
    assert states.see(2, inventory({"GPU-1": "driver_mismatch"}, None)) == ()
    assert states.see(3, inventory({}, None)) == ()
    (changed,) = states.see(4, inventory({"GPU-1": "ok"}, "580.2"))
    assert (changed.kind, changed.severity, changed.gpu_uuid) == ("DRIVER_CHANGED", "INFO", None)
    assert changed.text == "The NVIDIA driver changed from 570.1 to 580.2."
    assert states.see(5, inventory({"GPU-1": "ok"}, "580.2")) == ()


def test_a_driver_that_lists_no_gpu_has_lost_them() -> None:
    states = StateEvents()
    states.see(1, inventory({"GPU-1": "ok"}))
    assert kinds(states.see(2, inventory({}, "570.1"))) == [("GPU_LOST", "GPU-1")]


def test_gpus_that_come_after_a_start_without_any_driver_are_the_first_inventory() -> None:
    states = StateEvents()
    assert states.see(1, inventory({}, None)) == ()
    assert states.see(2, inventory({"GPU-1": "ok"})) == ()


def test_instances_that_are_made_and_unmade_are_no_events() -> None:
    states = StateEvents()
    parent = GpuReading(GpuIdentity("GPU-1", 0))
    instance = GpuReading(GpuIdentity("MIG-1", 0, parent_uuid="GPU-1"))
    for gpus in ((parent, instance), (parent,), (parent, instance)):
        assert states.see(1, Reading("nvml", gpus, "570.1")) == ()


def test_the_memory_is_bounded() -> None:
    known = Known()
    for n in range(MAX_GPUS + 10):
        known, _ = follow(known, n, inventory({f"GPU-{n}": "ok"}))
    assert known.conditions is not None
    assert len(known.conditions) == len(known.gpus) == MAX_GPUS
    assert known.conditions[f"GPU-{MAX_GPUS + 9}"] == "ok"


def test_the_start_of_the_agent() -> None:
    event = agent_started(5, "1.2")
    assert (event.instant_us, event.kind, event.severity) == (5, "AGENT_STARTED", "INFO")
    assert "1.2" in event.text


UUIDS = st.sampled_from([f"GPU-{n}" for n in range(5)])
INVENTORIES = st.builds(
    inventory, st.dictionaries(UUIDS, st.sampled_from(STATES), max_size=5), st.sampled_from(["1", "2", None])
)


@given(st.lists(INVENTORIES, max_size=12))
def test_applying_the_events_to_the_old_states_gives_the_new_states(inventories: list[Reading]) -> None:
    known = Known()
    for instant, seen in enumerate(inventories):
        before = known
        known, events = follow(known, instant, seen)
        if before.conditions is None:
            assert events == ()
            continue
        applied = dict(before.conditions)
        for event in events:
            if event.gpu_uuid is not None:
                assert applied.get(event.gpu_uuid) != CONDITION_AFTER[event.kind], "an event that changes nothing"
                applied[event.gpu_uuid] = CONDITION_AFTER[event.kind]
        assert applied == known.conditions
        for gpu in seen.gpus:
            if gpu.state in CONDITIONS:
                assert applied[gpu.gpu.uuid] == CONDITIONS[gpu.state]


@given(st.lists(st.sampled_from(["1", "2", "3", None]), max_size=12))
def test_a_change_of_driver_is_told_when_and_only_when_it_changed(versions: list[str | None]) -> None:
    states = StateEvents()
    events = [event for at, version in enumerate(versions) for event in states.see(at, inventory({"G": "ok"}, version))]
    told = [version for version in versions if version is not None]
    changes = sum(first != second for first, second in pairwise(told))
    assert [event.kind for event in events] == ["DRIVER_CHANGED"] * changes
