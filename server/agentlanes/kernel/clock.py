"""Time and chance, the two things that commands carry and decisions may not fetch."""

from __future__ import annotations

import random
import time
from datetime import UTC, datetime

from agentlanes.core.ids import COUNTED_BITS, Minter, seed, write_ulid
from agentlanes.core.moment import read_milliseconds
from agentlanes.wire.table import PREFIXES


def write_time(seconds: float) -> str:
    """The protocol's timestamp of a Unix time."""
    return datetime.fromtimestamp(seconds, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def read_time(timestamp: str) -> float:
    """The Unix time of a protocol timestamp."""
    return read_milliseconds(timestamp) / 1000


class Clock:
    """The machine's clock. Timestamps never go back within one run, so that the log's order and its times agree."""

    def __init__(self) -> None:
        self._last = 0
        self._seed = 0
        self._written = ""
        # Ids must not repeat; nobody has to be kept from guessing them. Seeded by the system, ten times cheaper.
        self._chance = random.Random()  # noqa: S311

    def milliseconds(self) -> int:
        """Milliseconds since the epoch, never less than before."""
        now = time.time_ns() // 1_000_000
        if now > self._last:
            self._last = now
            self._written = ""
        return self._last

    def now(self) -> str:
        """The protocol's timestamp of this moment."""
        milliseconds = self.milliseconds()
        if not self._written:
            self._written = write_time(milliseconds / 1000)
        return self._written

    def minter(self) -> Minter:
        """A source of ids for one command."""
        return Minter(self._next_seed())

    def mint(self, noun: str) -> str:
        """One id outside of any command."""
        return f"{PREFIXES[noun]}_{write_ulid(self._next_seed())}"

    def _next_seed(self) -> int:
        """Above all seeds before it, so that ids sort in the order in which they were made."""
        self._seed = max(seed(self.milliseconds(), self._chance.getrandbits(64)), self._seed + (1 << COUNTED_BITS))
        return self._seed
