"""The way to PostgreSQL is cut in the midst of COPY, and when COMMIT is on its way: what was taken is stored once."""

import random
from collections.abc import Sequence
from pathlib import Path

import pytest
from drills.test_kills import FLEET, stored
from drills.test_outage import live_again

from fakes.cuts import Cut
from fakes.processes import Collector, final_count, running_collector, running_fleet, wait_for
from fakes.proxy import Proxy, running_proxy, through, where

CUTS_IN_COPY, LOST_ANSWERS = 10, 3
LEAST_COPY_BYTES = 10_000
"""Less than the rows take that 160 GPUs send in one commit interval."""

STORING_AGAIN_SECONDS = 15.0
"""For the longest wait between attempts of the writer, and the attempt."""

IN_COPY = b'COPY "gpu_stats'
AT_COMMIT = Cut((IN_COPY, b"COMMIT;"), after=1)
"""The statement arrives with its last byte, a zero, and its answer does not."""

REPEATS = b'COPY "gpu_stats_repeats'
"""Said only when rows of a batch are there already: the COMMIT whose answer was lost had come to pass."""

pytestmark = [pytest.mark.drill, pytest.mark.timeout(240)]


def committed(collector: Collector) -> float:
    return collector.metric("gpufleet_samples_committed_total")


def cut_and_heal(proxy: Proxy, collector: Collector, cuts: Sequence[Cut], told: str) -> None:
    """Live values go on, and samples are stored again."""
    due = proxy.cuts + len(cuts)
    proxy.cut_at(*cuts)
    wait_for(lambda: proxy.cuts == due, f"{told}: {cuts} are cut", STORING_AGAIN_SECONDS)
    before = committed(collector)
    live_again(collector)
    wait_for(lambda: committed(collector) > before, f"{told}: stored again after {cuts}", STORING_AGAIN_SECONDS)


def test_cuts_within_copy_and_at_commit_lose_and_double_nothing(empty_database_url: str, open_path: Path) -> None:
    seed = random.SystemRandom().randrange(2**32)
    told = f"seed {seed}"
    chance = random.Random(seed)
    rounds: list[Sequence[Cut]] = [(Cut((IN_COPY,), chance.randrange(LEAST_COPY_BYTES)),) for _ in range(CUTS_IN_COPY)]
    rounds += [(AT_COMMIT, Cut((REPEATS,), chance.randrange(LEAST_COPY_BYTES))) for _ in range(LOST_ANSWERS)]
    chance.shuffle(rounds)
    with (
        running_proxy(where(empty_database_url)) as proxy,
        running_collector(open_path, through(proxy, empty_database_url)) as collector,
        running_fleet(open_path, collector, *FLEET) as fleet,
    ):
        wait_for(lambda: collector.get("/api/v1/hosts")["count"] == 20, "the fleet is there")
        for cuts in rounds:
            cut_and_heal(proxy, collector, cuts, told)
        proxy.cut_at(AT_COMMIT)
        count = final_count(fleet.stop())
        assert proxy.cuts == CUTS_IN_COPY + 2 * LOST_ANSWERS + 1, told
        assert count["refused"] == count["dropped"] == count["pending"] == 0, (told, count)
        assert count["settled"] == count["taken"] > 0, (told, count)
        assert stored(empty_database_url, "gpu_stats_all") == (count["taken"], count["taken"]), told
        assert collector.metric("gpufleet_commit_failures_total") >= proxy.cuts, told
        assert collector.process.running.poll() is None, told
        assert "Traceback" not in collector.process.errors, (told, collector.process.errors[-4000:])
