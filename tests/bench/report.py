"""Bench results: rows with a budget, printed as a table and kept in build/bench.json."""

import json
import sys
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Row:
    """One figure and the most it may be."""

    name: str
    value: float
    unit: str
    budget: float

    @property
    def ok(self) -> bool:
        return self.value <= self.budget


def merged(kept: Iterable[dict[str, object]], rows: Iterable[Row]) -> list[dict[str, object]]:
    """Rows by name: those measured now replace those kept, the others stay."""
    by_name = {str(row["name"]): row for row in kept}
    by_name |= {row.name: {**asdict(row), "ok": row.ok} for row in rows}
    return [by_name[name] for name in sorted(by_name)]


def publish(rows: list[Row], path: Path) -> None:
    """Print the table and update the file."""
    kept = json.loads(path.read_text()) if path.exists() else []
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(merged(kept, rows), indent=2) + "\n")
    width = max(len(row.name) for row in rows)
    for row in rows:
        verdict = "ok" if row.ok else "OVER"
        sys.stdout.write(f"{row.name:<{width}}  {row.value:>10.3f} {row.unit:<6} budget {row.budget:>8g}  {verdict}\n")
