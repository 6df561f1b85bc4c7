"""The README says what the code says: settings, metrics, verbs and commands."""

import re
from argparse import ArgumentParser
from collections.abc import Callable
from pathlib import Path

import pytest

from gpufleet_agent.__main__ import build_parser as agent_parser
from gpufleet_collector.__main__ import build_parser as collector_parser
from readme import README, sections, with_sections

ROOT = Path(__file__).resolve().parents[2]


def test_the_generated_parts_are_current() -> None:
    assert README.read_text() == with_sections(README.read_text(), sections()), "run `make golden`"


def test_the_guard_fires_on_a_part_without_a_place() -> None:
    with pytest.raises(KeyError):
        with_sections("no place here", sections())


def test_the_guard_fires_on_a_part_that_was_edited_by_hand() -> None:
    edited = README.read_text().replace("| `power_watts` |", "| `power_watts_by_hand` |")
    assert edited != with_sections(edited, sections())


def test_every_verb_of_the_makefile_is_described() -> None:
    phony = re.search(r"^\.PHONY: (.*)$", (ROOT / "Makefile").read_text(), re.MULTILINE)
    assert phony is not None
    undescribed = [verb for verb in phony[1].split() if f"make {verb}" not in README.read_text()]
    assert set(undescribed) <= {"clean", "dashboard"}


@pytest.mark.parametrize("build", [agent_parser, collector_parser], ids=["agent", "collector"])
def test_every_command_is_named(build: Callable[[], ArgumentParser]) -> None:
    usage = build().format_help()
    program = usage.split()[1]
    commands = re.findall(r"^    ([a-z-]+) ", usage, re.MULTILINE)
    assert commands
    line = next(line for line in README.read_text().splitlines() if f"`{program} " in line and " | " in line)
    assert [command for command in commands if command not in line] == []
