"""Texts by their bytes, and what was said by its digest."""

from __future__ import annotations

from hashlib import blake2b


class Said:
    """How much was said under a message's id, and a digest of it."""

    def __init__(self, offset: int) -> None:
        self.offset = offset
        """Where the message begins on the tape."""
        self.length = 0
        self._digest = blake2b(digest_size=16)

    def add(self, text: str) -> None:
        self.length += len(text)
        self._digest.update(text.encode())

    def is_start_of(self, text: str) -> bool:
        return (
            len(text) >= self.length
            and blake2b(text[: self.length].encode(), digest_size=16).digest() == self._digest.digest()
        )


def measure(text: str) -> int:
    """Bytes of UTF-8."""
    return len(text) if text.isascii() else len(text.encode())


def split(text: str, cap: int) -> list[str]:
    """Parts of at most `cap` bytes each, cut between characters."""
    data = text.encode()
    parts: list[str] = []
    while data:
        part = data[:cap].decode("utf-8", "ignore")
        parts.append(part)
        data = data[len(part.encode()) :]
    return parts
