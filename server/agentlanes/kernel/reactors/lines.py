"""A tape as drivers read it: in lines, or in pieces as they come."""

from __future__ import annotations

from agentlanes.kernel.ports.runners import TapeReader

READ_BYTES = 1 << 18
LINE_CAP = 64 << 20


class Lines:
    """Cuts a tape into lines, from an offset on."""

    def __init__(self, tape: TapeReader, offset: int) -> None:
        self._tape = tape
        self._start = offset
        self._rest = bytearray()
        self.overlong = False

    def read(self) -> list[tuple[bytes, int, int]]:
        """The next whole lines with their offsets, at most about READ_BYTES of them; none at the tape's end."""
        while not self.overlong:
            chunk = self._tape.read(self._start + len(self._rest), READ_BYTES)
            if chunk.skipped:
                self._rest.clear()
                self._start = chunk.offset
            if not chunk.data:
                return []
            searched = len(self._rest)
            self._rest += chunk.data
            if self._rest.find(b"\n", searched) < 0:
                self.overlong = len(self._rest) > LINE_CAP
                continue
            return self._cut()
        return []

    def _cut(self) -> list[tuple[bytes, int, int]]:
        *whole, rest = self._rest.split(b"\n")
        lines: list[tuple[bytes, int, int]] = []
        offset = self._start
        for line in whole:
            end = offset + len(line) + 1
            lines.append((bytes(line), offset, end))
            offset = end
        self._start = offset
        self._rest = rest
        return lines


class Chunks:
    """A tape as it is, from an offset on."""

    overlong = False

    def __init__(self, tape: TapeReader, offset: int) -> None:
        self._tape = tape
        self._start = offset

    def read(self) -> list[tuple[bytes, int, int]]:
        """What came, with its offsets, at most READ_BYTES of it; nothing at the tape's end."""
        chunk = self._tape.read(self._start, READ_BYTES)
        self._start = chunk.offset + len(chunk.data)
        return [(chunk.data, chunk.offset, self._start)] if chunk.data else []
