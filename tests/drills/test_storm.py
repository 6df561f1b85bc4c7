"""Hundreds of agents come back to a collector at once: let in one after another, nothing lost, questions answered."""

from pathlib import Path

import pytest
from bench.storm import raise_storm

AGENTS, GPUS = 500, 4
AWAY_SECONDS, AFTER_SECONDS = 6.0, 8.0
ALL_STREAM_SECONDS = 60.0
ANSWER_SECONDS = 5.0
"""For a machine that does other things too; what a quiet one takes is for the bench to say."""

pytestmark = [pytest.mark.drill, pytest.mark.timeout(300)]


def test_five_hundred_agents_come_back_at_once_and_nothing_is_lost(open_path: Path) -> None:
    storm = raise_storm(open_path, AGENTS, GPUS, AWAY_SECONDS, AFTER_SECONDS)
    count = storm.count
    assert storm.recovery <= ALL_STREAM_SECONDS
    assert count["connections"] >= 2 * AGENTS
    assert count["refused"] == count["dropped"] == count["pending"] == 0, count
    assert count["taken"] == count["settled"] == storm.stored > 0
    assert len(storm.answers) >= AFTER_SECONDS
    assert storm.answer(0.99) <= ANSWER_SECONDS
