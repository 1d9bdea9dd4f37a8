"""From single checks of the harness to what is said of it: it must fail, or answer, several times in a row."""

from __future__ import annotations

import re
from collections import deque
from typing import Any

from agentlanes.kernel.ports.harness import Finding, HarnessPlan

RECENT = 8
RECENT_FAILURES = 4
"""As many of the newest eight checks as this failed, although never enough of them in a row: it is flapping, and is not
trusted again before eight in a row are well."""


class Health:
    """What is said of the harness now, and the checks that may change it. Times are those of any monotonic clock."""

    def __init__(self, current: Finding) -> None:
        self.current = current
        self._candidate: Finding | None = None
        self._streak = 0
        self._recent: deque[bool] = deque(maxlen=RECENT)
        self._until = 0.0

    @property
    def is_in_doubt(self) -> bool:
        """Whether checks have begun to fail, and not yet often enough."""
        return self._candidate is not None and self._candidate.status != "healthy"

    def take(self, found: Finding, plan: HarnessPlan, now: float) -> Finding | None:
        """Takes in one check; the finding to tell, if it changes what is said."""
        self._recent.append(found.status != "healthy")
        if found.status == "healthy" and now < self._until:
            return None
        if _is_same(found, self.current):
            self._candidate, self._streak = None, 0
            return self._tell_flapping(found)
        same_kind = self._candidate is not None and _is_well(self._candidate) == _is_well(found)
        self._streak = self._streak + 1 if same_kind else 1
        self._candidate = found
        if found.status == "healthy" and self.current.fault == "flapping" and any(self._recent):
            return None
        needed = plan.successes if found.status == "healthy" else plan.failures
        if self.current.fault == "not_checked":
            needed = 1
        return self._change(found) if self._streak >= needed else self._tell_flapping(found)

    def meet(self, found: Finding, plan: HarnessPlan, now: float) -> Finding | None:
        """Takes in what an agent met in its turn. That counts at once, and for a while."""
        self._until = now + plan.cooldown_seconds
        return None if _is_same(found, self.current) else self._change(found)

    def _tell_flapping(self, found: Finding) -> Finding | None:
        if self.current.status != "healthy" or not self._is_flapping():
            return None
        reason = f"{sum(self._recent)} of its last {RECENT} checks failed; the newest: {found.reason or 'all is well'}"
        return self._change(Finding("degraded", "flapping", reason))

    def _is_flapping(self) -> bool:
        return sum(self._recent) >= RECENT_FAILURES

    def _change(self, found: Finding) -> Finding:
        if _is_well(found):
            # An outage that is over is no coming and going.
            self._recent.clear()
        self.current, self._candidate, self._streak = found, None, 0
        return found


def _is_well(found: Finding) -> bool:
    return found.status == "healthy"


def _is_same(one: Finding, other: Finding) -> bool:
    return (one.status, one.fault) == (other.status, other.fault)


def find_status(problem: Any) -> int | None:
    """The HTTP status 503 or 429 in an error that an agent told of, wherever it put it."""
    if isinstance(problem, dict):
        for key, value in problem.items():
            if value in (503, 429) and any(word in str(key).lower() for word in ("status", "code")):
                return int(value)
        problem = list(problem.values())
    if isinstance(problem, list | tuple):
        return next((status for value in problem if (status := find_status(value)) is not None), None)
    if not isinstance(problem, str):
        return None
    return next((status for status, marks in _MARKS.items() if marks.search(problem)), None)


# Whole words: ids are full of digits.
_MARKS = {
    503: re.compile(r"\b503\b|service unavailable|auth_unavailable", re.IGNORECASE),
    429: re.compile(r"\b429\b|too many requests|model_cooldown|rate.?limit", re.IGNORECASE),
}
