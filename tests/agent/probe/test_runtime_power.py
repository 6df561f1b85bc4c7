"""Who sleeps, as /sys says it."""

from pathlib import Path

from gpufleet_agent.probe.runtime_power import RuntimePower


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


def test_what_is_no_slot_is_left_out(tmp_path: Path) -> None:
    add_gpu(tmp_path, "0000:01:00", "active")
    for name in ("bind", "unbind", "module", "new_id"):
        (tmp_path / "bus/pci/drivers/nvidia" / name).write_text("")
    assert RuntimePower(str(tmp_path)).slots() == ("0000:01:00",)


def test_without_sys_nobody_sleeps(tmp_path: Path) -> None:
    power = RuntimePower(str(tmp_path / "nothing"))
    assert power.asleep(["0000:01:00"]) == frozenset()
    assert power.slots() == ()
