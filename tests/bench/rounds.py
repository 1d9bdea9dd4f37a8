"""Measuring by turns: ours, the peer, ours again. What disturbs one of them then disturbs the other as well."""

from __future__ import annotations

import statistics
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeVar

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Scale:
    """How much is measured: `rounds` turns, and `share` of the full size in each."""

    rounds: int
    share: float

    def size(self, full: int, least: int = 1) -> int:
        """The size of one measurement."""
        return max(least, int(full * self.share))


FULL = Scale(rounds=5, share=1.0)
QUICK = Scale(rounds=2, share=0.1)


def interleave(scale: Scale, measures: Mapping[str, Callable[[], T]]) -> dict[str, list[T]]:
    """Runs each of them once per round, after one round that does not count."""
    found: dict[str, list[T]] = {name: [] for name in measures}
    for measure in measures.values():
        measure()
    for _ in range(scale.rounds):
        for name, measure in measures.items():
            found[name].append(measure())
    return found


def quantile(values: Sequence[float], q: float) -> float:
    """The value below which a share of `q` lies."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(len(ordered) * q))]


median = statistics.median
