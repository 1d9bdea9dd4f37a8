"""Ids: `{prefix}_{ULID}`, minted from a seed so that a decision is a pure function of its command.

A ULID is 48 bits of milliseconds and 80 bits of chance in Crockford's base 32 (github.com/ulid/spec). The minter counts
up from its seed, so ids of one command sort in the order in which they were made.
"""

from __future__ import annotations

from agentlanes.wire.table import PREFIXES

COUNTED_BITS = 16

_ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
_PAIRS = [a + b for a in _ALPHABET for b in _ALPHABET]


def write_ulid(value: int) -> str:
    """The 26 characters of a 128-bit number. Ten bits at a time: twice as fast as five."""
    return "".join([_PAIRS[(value >> shift) & 1023] for shift in range(120, -1, -10)])


def seed(milliseconds: int, chance: int) -> int:
    """The number that the first id of a command has. The lowest bits are left for counting."""
    return (milliseconds << 80) | ((chance << COUNTED_BITS) & ((1 << 80) - 1))


class Minter:
    """Makes the ids of one command."""

    __slots__ = ("_next",)

    def __init__(self, first: int) -> None:
        self._next = first

    def mint(self, noun: str) -> str:
        """The next id of a noun of the protocol's prefix table."""
        value = self._next
        self._next = value + 1
        return f"{PREFIXES[noun]}_{write_ulid(value)}"
