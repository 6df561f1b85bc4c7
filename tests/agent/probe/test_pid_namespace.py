"""Whether the host's processes are visible."""

from pathlib import Path

import pytest

from gpufleet_agent.probe.pid_namespace import pid_namespace_is_host


def proc_of(folder: Path, namespace: str) -> Path:
    (folder / "self" / "ns").mkdir(parents=True)
    (folder / "self" / "ns" / "pid").symlink_to(namespace)
    return folder


@pytest.mark.parametrize(("namespace", "is_host"), [("pid:[4026531836]", True), ("pid:[4026532201]", False)])
def test_the_hosts_namespace_is_the_first_of_the_kernel(tmp_path: Path, namespace: str, is_host: bool) -> None:
    assert pid_namespace_is_host(proc_of(tmp_path, namespace)) is is_host


def test_what_cannot_be_read_counts_as_hidden(tmp_path: Path) -> None:
    assert pid_namespace_is_host(tmp_path) is False
