"""Bench results: rows with a budget, printed as a table and kept in build/bench.json."""

import json
import sys
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Peer:
    """What another program took for the same work in the same run."""

    name: str
    value: float


@dataclass(frozen=True, slots=True)
class Row:
    """One figure and the most it may be. `note` is for the reader of the table."""

    name: str
    value: float
    unit: str
    budget: float
    peer: Peer | None = None
    note: str = ""

    @property
    def ok(self) -> bool:
        return self.value <= self.budget

    def as_object(self) -> dict[str, object]:
        """As it is kept; `ratio` says how many times as much the peer took."""
        kept: dict[str, object] = {"name": self.name, "value": self.value, "unit": self.unit, "budget": self.budget}
        if self.peer is not None:
            kept |= {"peer": self.peer.name, "peer_value": self.peer.value, "ratio": self.peer.value / self.value}
        return {**kept, "ok": self.ok}

    def as_line(self, width: int) -> str:
        verdict = "ok" if self.ok else "OVER"
        line = f"{self.name:<{width}}  {self.value:>10.3f} {self.unit:<6} budget {self.budget:>8g}  {verdict:<4}"
        if self.peer is not None:
            line += f"  {self.peer.name} {self.peer.value:.4g} ({self.peer.value / self.value:.3g} times)"
        return f"{line}  {self.note}".rstrip()


def merged(kept: Iterable[dict[str, object]], rows: Iterable[Row]) -> list[dict[str, object]]:
    """Rows by name: those measured now replace those kept, the others stay."""
    by_name = {str(row["name"]): row for row in kept}
    by_name |= {row.name: row.as_object() for row in rows}
    return [by_name[name] for name in sorted(by_name)]


def publish(rows: list[Row], path: Path) -> None:
    """Print the table and update the file."""
    kept = json.loads(path.read_text()) if path.exists() else []
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(merged(kept, rows), indent=2) + "\n")
    width = max(len(row.name) for row in rows)
    for row in rows:
        sys.stdout.write(row.as_line(width) + "\n")
