"""What happened is told once, whoever tells it, and under an id that no other event of this agent has."""

from gpufleet_agent import event_desk
from gpufleet_agent.event_desk import EventDesk, gpu_at
from gpufleet_agent.readings import GpuEvent, GpuIdentity, GpuReading, Reading

XID = GpuEvent(1_000_000, "XID", "CRITICAL", "fell off the bus", "GPU-0", 79)


class Log:
    """A kernel's log that tells what it is given."""

    def __init__(self, *events: GpuEvent) -> None:
        self._events = events

    def poll(self) -> tuple[GpuEvent, ...]:
        events, self._events = self._events, ()
        return events


def reading(*states: str, events: tuple[GpuEvent, ...] = ()) -> Reading:
    gpus = (GpuReading(GpuIdentity(f"GPU-{i}", i, pci_bus_id=f"00000000:0{i}:00.0"), s) for i, s in enumerate(states))
    return Reading("nvml", tuple(gpus), driver_version="1", events=events)


def kinds(desk: EventDesk) -> list[str]:
    return [event.kind for _, event in desk.take()]


def test_an_xid_that_nvml_and_the_kernel_tell_is_one_event() -> None:
    desk = EventDesk("agent", 1.0)
    desk.reading(1_000_000, reading("ok", events=(XID,)), None)
    desk.poll(Log(XID))
    assert kinds(desk) == ["XID"]


def test_a_gpu_that_is_lost_and_found_makes_two_events() -> None:
    desk = EventDesk("agent", 1.0)
    for instant, states in enumerate((("ok", "ok"), ("ok", "lost"), ("ok", "ok"))):
        desk.reading(instant, reading(*states), reading(*states))
    assert kinds(desk) == ["GPU_LOST", "GPU_FOUND"]


def test_every_event_has_an_id_of_its_own_and_is_taken_once() -> None:
    desk = EventDesk("agent", 1.0)
    desk.started(1, "0.1.0")
    desk.reading(2, reading("ok", events=(XID, XID)), None)
    ids = [event_id for event_id, _ in desk.take()]
    assert len(set(ids)) == 3
    assert all(event_id.startswith("agent-") for event_id in ids)
    assert desk.take() == []


def test_a_storm_is_cut_and_counted() -> None:
    desk = EventDesk("agent", 1.0)
    events = tuple(GpuEvent(i * 10**8, "XID", "INFO", "", "GPU-0", 13) for i in range(event_desk.MAX_WAITING + 7))
    desk.reading(1, reading("ok", events=events), None)
    assert len(desk.take()) == event_desk.MAX_WAITING
    assert desk.left_out == 7


def test_a_slot_is_looked_up_in_the_inventory_of_now() -> None:
    find = gpu_at(lambda: reading("ok", "ok"))
    assert find("0000:01:00") == "GPU-1"
    assert gpu_at(lambda: None)("0000:01:00") is None
