"""From measured figures to what a fleet needs: the sizing table of the README.

Usage: python -m bench.sizing, in tests/, after `make bench`.
"""

import json
import sys
from collections.abc import Mapping
from pathlib import Path

RESULTS = Path(__file__).resolve().parents[2] / "build" / "bench.json"
HOSTS = (100, 1_000, 10_000)
GPUS_PER_HOST, INTERVAL_SECONDS, DAY_SECONDS = 8, 5, 86_400
ROW_BYTES, ROW_HOURS = 170.0, 4
"""A sample as a row with its index, until two whole hours are over, the hour is packed and its partition dropped."""

FIVE_MINUTES_BYTES, HOUR_BYTES = 11.5, 0.9
"""Rollups per sample, as `make bench ONLY=history` finds them."""

KEPT_DAYS = {"packed": 30, "5m": 90, "1h": 730}
"""The defaults of retention."""


def table(figures: Mapping[str, float]) -> str:
    """In Markdown. `figures` by the names of build/bench.json."""
    head = "| hosts × 8 GPUs at 5 s | samples/s | cores | rows of the last hours | GB per day | kept by default |"
    lines = [head, "|---|---|---|---|---|---|"]
    return "\n".join(lines + [_line(hosts, figures) for hosts in HOSTS]) + "\n"


def _line(hosts: int, figures: Mapping[str, float]) -> str:
    per_second = hosts * GPUS_PER_HOST / INTERVAL_SECONDS
    cost = figures["ingest_cpu_us_per_gpu_sample"] + figures["pack_cpu_us_per_gpu_sample"]
    packed, per_day = figures["disk_bytes_per_gpu_sample"], per_second * DAY_SECONDS / 1e9
    rows = per_second * ROW_HOURS * 3600 * ROW_BYTES / 1e9
    daily = per_day * (packed + FIVE_MINUTES_BYTES + HOUR_BYTES)
    kept = per_day * (
        packed * KEPT_DAYS["packed"] + FIVE_MINUTES_BYTES * KEPT_DAYS["5m"] + HOUR_BYTES * KEPT_DAYS["1h"]
    )
    cores = per_second * cost / 1e6
    return f"| {hosts:,} | {per_second:,.0f} | {cores:.2f} | {rows:.1f} GB | {daily:.1f} | {kept:,.0f} GB |"


if __name__ == "__main__":
    sys.stdout.write(table({row["name"]: row["value"] for row in json.loads(RESULTS.read_text())}))
