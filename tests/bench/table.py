"""The table of goals: what was measured, what a peer does in the same run, and whether the ratio is what we promise."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any, Literal


@dataclass(frozen=True, slots=True)
class Row:
    """One goal. `limit` bounds the ratio of ours to the peer's, or ours itself where there is no peer."""

    what: str
    unit: str
    ours: float
    peer: float | None
    bound: Literal["at most", "at least", "none"]
    limit: float = 0.0
    against: str = ""
    """Who the peer is."""

    @property
    def ratio(self) -> float | None:
        """Ours to the peer's."""
        return None if not self.peer else self.ours / self.peer

    @property
    def reached(self) -> bool | None:
        """Whether the goal is reached; None where the row only informs."""
        value = self.ours if self.peer is None else self.ratio
        if self.bound == "none" or value is None:
            return None
        return value <= self.limit if self.bound == "at most" else value >= self.limit

    @property
    def goal(self) -> str:
        """The goal in words."""
        if self.bound == "none":
            return ""
        sign = "≤" if self.bound == "at most" else "≥"
        return f"{sign} {self.limit:,g} {self.unit if self.peer is None else '×'}".replace(" ×", "×")

    def describe(self) -> dict[str, Any]:
        """The row as JSON."""
        return {**asdict(self), "ratio": self.ratio, "goal": self.goal, "reached": self.reached}


def write_table(rows: Sequence[Row]) -> str:
    """The rows for people."""
    verdicts = {True: "ok", False: "short", None: ""}
    cells = [("what", "unit", "ours", "peer", "ratio", "goal", "", "against")]
    for row in rows:
        cells.append(
            (
                row.what,
                row.unit,
                _write_number(row.ours),
                "" if row.peer is None else _write_number(row.peer),
                "" if row.ratio is None else f"{row.ratio:.2f}",
                row.goal,
                verdicts[row.reached],
                row.against,
            )
        )
    widths = [max(len(line[column]) for line in cells) for column in range(len(cells[0]))]
    right = {2, 3, 4}
    return "\n".join(
        "  ".join(
            cell.rjust(width) if column in right else cell.ljust(width)
            for column, (cell, width) in enumerate(zip(line, widths, strict=True))
        ).rstrip()
        for line in cells
    )


def _write_number(value: float) -> str:
    if abs(value) >= 100:
        return f"{value:,.0f}"
    return f"{value:.1f}" if abs(value) >= 10 else f"{value:.2f}"
