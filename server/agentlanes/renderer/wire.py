"""What the server and its renderer say to each other: frames of four bytes with a length, then JSON.

The server says `open {screen, folder}`, `look {screen}`, `history {screen, lines}` and `close {screen}`. The renderer
says `ready` when it has begun, and answers `look` with frames of the newest screen, the last of which says `done`, and
`history` with `history`. A screen that it cannot show is `failed` with a reason.
"""

from __future__ import annotations

import struct

MAX_CELLS = 250_000
"""Of a screen. A larger one is rendered with fewer rows."""

HISTORY_LINES = 2000
"""Lines that are kept of what scrolled out."""

LENGTH = struct.Struct(">I")
FRAME_LIMIT = 256 << 20


def pack(body: bytes) -> bytes:
    """A frame."""
    return LENGTH.pack(len(body)) + body


class Frames:
    """Cuts frames from what comes in parts."""

    def __init__(self) -> None:
        self._data = bytearray()

    def push(self, data: bytes) -> list[bytes]:
        """The bodies that are complete by now. Raises ValueError for what cannot be a frame."""
        self._data += data
        bodies = []
        at = 0
        while len(self._data) - at >= LENGTH.size:
            (size,) = LENGTH.unpack_from(self._data, at)
            if size > FRAME_LIMIT:
                raise ValueError(f"a frame of {size} bytes")
            if len(self._data) - at - LENGTH.size < size:
                break
            at += LENGTH.size
            bodies.append(bytes(self._data[at : at + size]))
            at += size
        del self._data[:at]
        return bodies
