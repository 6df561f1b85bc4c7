"""`make bench [ONLY=group]`: measure, print, and keep the rows of groups that were not run."""

import os
import sys
from pathlib import Path

from bench import agent, history, ingest, live
from bench.report import publish

GROUPS = {"agent": agent.measure, "history": history.measure, "ingest": ingest.measure, "live": live.measure}
RESULTS = Path(__file__).resolve().parents[2] / "build" / "bench.json"


def main() -> int:
    only = os.environ.get("ONLY") or ""
    if only and only not in GROUPS:
        sys.stderr.write(f"bench: ONLY={only} is not a group: choose one of {', '.join(GROUPS)}\n")
        return 2
    rows = [row for name, measure in GROUPS.items() if only in ("", name) for row in measure()]
    publish(rows, RESULTS)
    return 0 if all(row.ok for row in rows) else 1


if __name__ == "__main__":
    sys.exit(main())
