"""What happened is told once, whoever tells it, and under an id that no other event of this agent has."""

from dataclasses import replace

from gpufleet_agent import event_desk
from gpufleet_agent.breadcrumb import Call
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


def test_a_gpu_that_falls_off_the_bus_is_lost_once_and_its_xid_an_event_of_its_own() -> None:
    desk = EventDesk("agent", 1.0)
    fell = GpuEvent(3_000_000, "GPU_LOST", "CRITICAL", "fell off the bus", "GPU-0")
    desk.reading(2_000_000, reading("ok"), reading("ok"))
    desk.poll(Log(XID, fell))
    desk.reading(4_000_000, reading("lost", events=(XID,)), reading("lost"))
    assert kinds(desk) == ["XID", "GPU_LOST"]


def test_a_hang_names_the_call_with_every_gpu_that_it_concerns() -> None:
    desk = EventDesk("agent", 1.0)
    desk.reading(1, reading("ok", "ok"), reading("ok", "ok"))
    for instant in (2, 3):
        desk.hang(instant, Call("nvmlDeviceGetPowerUsage", "GPU 1", 0.0, 5.0), reading("ok", "hung"))
    ((_, told),) = desk.take()
    assert (told.kind, told.gpu_uuid, told.instant_us) == ("GPU_HUNG", "GPU-1", 2)
    assert told.text.startswith("The driver call nvmlDeviceGetPowerUsage hangs, so that GPU 1 (")


def test_a_hang_that_concerns_no_gpu_that_is_known_is_told_once() -> None:
    desk = EventDesk("agent", 1.0)
    for _ in range(3):
        desk.hang(1, Call("nvmlInit", "", 0.0, 30.0), None)
        desk.hang(1, Call("nvmlDeviceGetName", "GPU 3", 0.0, 5.0), None)
    told = [event for _, event in desk.take()]
    assert [(event.kind, event.gpu_uuid) for event in told] == [("GPU_HUNG", None)] * 2
    assert told[0].text.startswith("The driver call nvmlInit hangs")
    assert told[1].text.startswith("The driver call nvmlDeviceGetName on GPU 3 hangs")
    for number in range(2 * event_desk.MAX_HANGS):
        desk.hang(1, Call("nvmlDeviceGetName", f"GPU {number}", 0.0, 5.0), None)
    assert len(desk.take()) == event_desk.MAX_HANGS - 2


def test_the_kernel_and_nvml_tell_the_same_xid_within_the_interval_of_now() -> None:
    desk = EventDesk("agent", 1.0)
    later = replace(XID, instant_us=XID.instant_us + 20_000_000)
    desk.poll(Log(XID))
    desk.reading(later.instant_us, reading("ok", events=(later,)), None)
    assert kinds(desk) == ["XID", "XID"], "20 s are too long for a reading every second"
    desk = EventDesk("agent", 1.0)
    desk.change_interval(30.0)
    desk.poll(Log(XID))
    desk.reading(later.instant_us, reading("ok", events=(later,)), None)
    assert kinds(desk) == ["XID"]


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
