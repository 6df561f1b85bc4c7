"""What the agent says of itself on disk: whole or not there, and never believed when it makes no sense."""

import json
import os
from dataclasses import asdict, replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fakes.status import STATUS
from gpufleet_agent.status_file import (
    MAX_BYTES,
    process_start,
    read_status,
    status_path,
    sweep_statuses,
    write_status,
)


def test_what_was_written_is_read_and_the_next_takes_its_place(tmp_path: Path) -> None:
    path = status_path(tmp_path / "agent", "node-1")
    write_status(path, STATUS)
    assert read_status(path) == STATUS
    write_status(path, replace(STATUS, ended=True))
    assert read_status(path) == replace(STATUS, ended=True)
    assert [entry.name for entry in path.parent.iterdir()] == ["status-node-1.json"]


def test_different_hosts_have_different_files(tmp_path: Path) -> None:
    names = ["node-1", "node/1", "node_1", "x" * 200, "x" * 201]
    assert len({status_path(tmp_path, name) for name in names}) == len(names)


@given(st.one_of(st.binary(max_size=200), st.recursive(st.none() | st.integers() | st.text(), st.lists).map(lambda told: json.dumps(told).encode())))  # fmt: skip # noqa: E501
def test_what_makes_no_sense_is_none(tmp_path_factory: pytest.TempPathFactory, text: bytes) -> None:
    path = tmp_path_factory.getbasetemp() / "status-fuzzed.json"
    path.write_bytes(text)
    assert read_status(path) is None


@given(st.sampled_from(sorted(asdict(STATUS))), st.none() | st.text() | st.lists(st.integers()))
def test_a_field_of_another_kind_is_none_or_harmless(
    tmp_path_factory: pytest.TempPathFactory, field: str, value: object
) -> None:
    path = tmp_path_factory.getbasetemp() / "status-other.json"
    path.write_text(json.dumps({**asdict(STATUS), field: value}))
    status = read_status(path)
    assert status is None or all(
        isinstance(number, int) for number in (status.pid, status.started_at_us, status.written_at_us)
    )


def test_a_file_cut_short_too_long_or_of_another_version_is_none(tmp_path: Path) -> None:
    path = tmp_path / "status.json"
    write_status(path, STATUS)
    whole = path.read_text()
    later = json.dumps({**json.loads(whole), "added_later": 1})
    without_pid = json.dumps({name: value for name, value in json.loads(whole).items() if name != "pid"})
    for text, expected in (
        (whole[:50], None),
        ("[" * MAX_BYTES, None),
        (" " * MAX_BYTES + whole, None),
        (without_pid, None),
        (later, STATUS),
    ):
        path.write_text(text)
        assert read_status(path) == expected


def test_files_of_names_long_gone_are_swept_and_neither_the_own_nor_a_fresh_one(tmp_path: Path) -> None:
    own, old, fresh = (status_path(tmp_path, name) for name in ("own", "old", "fresh"))
    for path in (own, old, fresh):
        write_status(path, STATUS)
    for path in (own, old):
        os.utime(path, (1000, 1000))
    sweep_statuses(own, oldest=2000)
    assert sorted(tmp_path.iterdir()) == sorted([own, fresh])


def test_a_process_is_known_by_its_start_and_one_that_is_gone_has_none(tmp_path: Path) -> None:
    assert process_start(os.getpid()) == process_start(os.getpid()) > 0
    assert process_start(os.getpid(), tmp_path) == 0
