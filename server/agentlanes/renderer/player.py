"""Plays a terminal's tape into an emulator, with every resize where it was."""

from __future__ import annotations

from agentlanes.renderer.emulator import Emulator
from agentlanes.runner.tape import Reader, Sizes

DEFAULT_COLS, DEFAULT_ROWS = 80, 24
READ_BYTES = 64 << 10
SLICE_BYTES = 256 << 10
"""What one terminal is played before the others have their turn."""

ESCAPE, NEWLINE = 0x1B, 0x0A


class Player:
    """The screen of one terminal, as far as its tape was played."""

    def __init__(self, folder: str) -> None:
        self._tape = Reader(folder)
        self._sizes = Sizes(folder)
        self._resizes = 0
        self.offset = self._tape.span()[0]
        self.emulator = Emulator(DEFAULT_COLS, DEFAULT_ROWS)
        self._is_cut = self.offset > 0

    @property
    def is_known(self) -> bool:
        """Whether there is such a tape. One on which nothing was printed yet has a size."""
        self._sizes.look()
        return self._sizes.find_next(0) is not None or self._tape.span()[1] > 0

    def find_end(self) -> int:
        """How far there is something to play now."""
        return self._tape.span()[1]

    def play(self, end: int) -> bool:
        """Plays on, one slice at most and not beyond an end that was found before. True while there is more."""
        self._sizes.look()
        left = SLICE_BYTES
        while left > 0:
            self._resize()
            wanted = min(left, READ_BYTES, end - self.offset)
            following = self._sizes.find_next(self._resizes)
            if following is not None:
                wanted = min(wanted, following[0] - self.offset)
            if wanted <= 0:
                return False
            chunk = self._tape.read(self.offset, wanted)
            if chunk.skipped:
                # Retention was faster. What is there begins anywhere, also inside an escape sequence.
                self.offset, self._is_cut = chunk.offset, True
                continue
            if not chunk.data:
                return False
            self.emulator.feed(self._mend(chunk.data))
            self.offset += len(chunk.data)
            left -= len(chunk.data)
        return True

    def close(self) -> None:
        """Lets go of the tape and the emulator."""
        self._tape.close()
        self.emulator.close()

    def _resize(self) -> None:
        while (following := self._sizes.find_next(self._resizes)) is not None and following[0] <= self.offset:
            self._resizes += 1
            self.emulator.resize(following[1], following[2])

    def _mend(self, data: bytes) -> bytes:
        """What begins anywhere is shown from the next line or escape sequence on."""
        if not self._is_cut:
            return data
        for at, byte in enumerate(data):
            if byte in (ESCAPE, NEWLINE):
                self._is_cut = False
                return data[at if byte == ESCAPE else at + 1 :]
        return b""
