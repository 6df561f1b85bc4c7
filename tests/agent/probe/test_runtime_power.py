"""Who sleeps, as /sys says it."""

import os
import resource
from pathlib import Path

import pytest

from gpufleet_agent.probe import runtime_power
from gpufleet_agent.probe.runtime_power import LOOKS_WITHOUT, RuntimePower

SLOT = "0000:01:00"


def add_gpu(root: Path, slot: str, status: str | None) -> None:
    power = root / "bus/pci/devices" / f"{slot}.0" / "power"
    power.mkdir(parents=True)
    (root / "bus/pci/drivers/nvidia" / f"{slot}.0").mkdir(parents=True)
    if status is not None:
        (power / "runtime_status").write_text(status + "\n")


def test_only_what_is_suspended_sleeps(tmp_path: Path) -> None:
    statuses = {"0000:01:00": "active", "0000:02:00": "suspended", "0000:03:00": "suspending", "0000:04:00": None}
    for slot, status in statuses.items():
        add_gpu(tmp_path, slot, status)
    power = RuntimePower(str(tmp_path))
    assert power.asleep([*statuses, "0000:99:00"]) == {"0000:02:00"}
    assert power.slots() == tuple(statuses)


def status_of(root: Path, slot: str) -> Path:
    return root / "bus/pci/devices" / f"{slot}.0" / "power" / "runtime_status"


def open_files() -> int:
    return len(os.listdir("/proc/self/fd"))  # noqa: PTH208


def test_every_look_sees_what_is_so_now_and_opens_nothing_more(tmp_path: Path) -> None:
    add_gpu(tmp_path, SLOT, "active")
    power = RuntimePower(str(tmp_path))
    assert power.asleep([SLOT]) == frozenset()
    opened = open_files()
    for status in ("suspended", "active", "suspended"):
        status_of(tmp_path, SLOT).write_text(f"{status}\n")
        assert power.asleep([SLOT]) == ({SLOT} if status == "suspended" else frozenset())
    assert open_files() == opened
    power.close()
    power.close()
    assert open_files() == opened - 1
    assert power.asleep([SLOT]) == {SLOT}


def test_past_the_limit_slots_that_nobody_asks_about_are_closed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(runtime_power, "MAX_SLOTS_KNOWN", 4)
    slots = [f"0000:0{number}:00" for number in range(4)]
    for slot in slots:
        add_gpu(tmp_path, slot, "active")
    power, before = RuntimePower(str(tmp_path)), open_files()
    for slot in slots:
        power.asleep([slot])
    power.asleep(["0000:99:00"])
    assert open_files() == before + 4
    power.asleep(slots[:1])
    assert open_files() == before + 1


def test_a_slot_without_a_status_is_asked_again_after_a_while(tmp_path: Path) -> None:
    power = RuntimePower(str(tmp_path))
    assert power.asleep([SLOT]) == frozenset()
    add_gpu(tmp_path, SLOT, "suspended")
    looks = [power.asleep([SLOT]) for _ in range(LOOKS_WITHOUT + 1)]
    assert looks == [frozenset()] * LOOKS_WITHOUT + [{SLOT}]


def test_a_look_that_failed_for_want_of_descriptors_is_repeated_at_once(tmp_path: Path) -> None:
    add_gpu(tmp_path, SLOT, "suspended")
    power = RuntimePower(str(tmp_path))
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (0, hard))
    try:
        assert power.asleep([SLOT]) == frozenset()
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    assert power.asleep([SLOT]) == {SLOT}
    power.close()


def test_a_device_that_has_gone_sleeps_no_more_and_is_looked_for_anew(tmp_path: Path) -> None:
    add_gpu(tmp_path, SLOT, "suspended")
    power = RuntimePower(str(tmp_path))
    assert power.asleep([SLOT]) == {SLOT}
    status = status_of(tmp_path, SLOT)
    status.unlink()
    status.mkdir()  # reading it fails, as reading that of a removed device does
    power.close()
    assert power.asleep([SLOT]) == frozenset()
    status.rmdir()
    status.write_text("suspended\n")
    assert power.asleep([SLOT]) == {SLOT}


def test_what_is_no_slot_is_left_out(tmp_path: Path) -> None:
    add_gpu(tmp_path, "0000:01:00", "active")
    for name in ("bind", "unbind", "module", "new_id"):
        (tmp_path / "bus/pci/drivers/nvidia" / name).write_text("")
    assert RuntimePower(str(tmp_path)).slots() == ("0000:01:00",)


def test_without_sys_nobody_sleeps(tmp_path: Path) -> None:
    power = RuntimePower(str(tmp_path / "nothing"))
    assert power.asleep(["0000:01:00"]) == frozenset()
    assert power.slots() == ()
