"""Ids that follow from where on the tape a thing began, so that the same frames always make the same ids."""

from __future__ import annotations

from hashlib import blake2b

_ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
_OFFSET_BITS = 40
_MASK = (1 << _OFFSET_BITS) - 1


def derive_id(prefix: str, process_id: str, position: int) -> str:
    """A ULID of the process's own time, the position (40 bits), and 40 bits of a digest of both.

    Ids of one process sort by position, and those of processes sort by their start.
    """
    digest = int.from_bytes(blake2b(f"{process_id}:{position}".encode(), digest_size=5).digest())
    value = (position & _MASK) << _OFFSET_BITS | digest
    tail = "".join([_ALPHABET[value >> shift & 31] for shift in range(75, -1, -5)])
    return f"{prefix}_{process_id[3:13]}{tail}"
