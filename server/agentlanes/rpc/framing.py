"""Content-Length framing, read incrementally and within bounds.

It does no I/O: `push` takes what was received, `take` gives frames and refusals, in order. However the bytes are cut
into pieces, the same frames come out.
"""

from __future__ import annotations

import re

HEADER_BYTES = 8 * 1024
"""The longest header block, with the empty line that ends it."""

FRAME_BYTES = 64 * 1024 * 1024
"""The longest frame that is read."""

SKIP_BYTES = 16 * FRAME_BYTES
"""The longest frame that is skipped to its end. Nobody sends more: a length beyond is taken for a broken header."""

SEARCH_BYTES = 1024 * 1024
"""How far the next header is looked for after a broken one, before the stream is given up."""

PEEK_BYTES = 1024
"""How much of a skipped frame is shown, so that the id of its request can be found."""

_LENGTH = re.compile(rb"content-length[ \t]{0,8}:", re.IGNORECASE)
_LENGTH_BYTES = len("content-length") + 8 + len(":")
_HEADER_NAME = re.compile(rb"[!#$%&'*+.^_`|~0-9A-Za-z-]+[ \t]*")
_EMPTY_LINE = re.compile(rb"\r?\n\r?\n")
_DIGITS = 18


class Refusal:
    """What stands in the stream in place of a frame.

    `name` is PARSE_ERROR, or FRAME_TOO_LARGE with the start of the frame as `head`. After a `final` one nothing
    more is read.
    """

    __slots__ = ("final", "head", "message", "name")

    def __init__(self, name: str, message: str, *, head: bytes = b"", final: bool = False) -> None:
        self.name = name
        self.message = message
        self.head = head
        self.final = final


class Framing:
    """The frames of one byte stream.

    A frame that came whole is cut out of its piece; one that spans pieces is gathered in one buffer, so that each of
    its bytes is copied once however many pieces there are.
    """

    __slots__ = ("_at", "_body", "_data", "_ended", "_length", "_peek", "_plain", "_searched", "_skip")

    def __init__(self) -> None:
        self._data = b""
        self._at = 0
        self._body: bytearray | None = None
        self._plain = True
        self._length = 0
        self._peek: bytearray | None = None
        self._skip = 0
        self._searched = 0
        self._ended = False

    def push(self, data: bytes) -> None:
        """Add what was received."""
        self._data = data if self._at == len(self._data) else self._data[self._at :] + data
        self._at = 0

    def take(self) -> bytes | bytearray | Refusal | None:
        """The next frame or refusal; None where more bytes are needed."""
        while self._plain:
            data = self._data
            at = self._at
            if data.startswith(b"Content-Length: ", at):
                end = data.find(b"\r\n\r\n", at, at + HEADER_BYTES)
                digits = data[at + 16 : end] if end > 0 else b""
                if digits.isdigit() and len(digits) < _DIGITS and (length := int(digits)) <= FRAME_BYTES:
                    at = end + 4
                    if at + length <= len(data):
                        self._at = at + length
                        return data[at : at + length]
                    self._at = at
                    self._expect(length)
                    break
            if at == len(data):
                # An idle connection keeps nothing of what it received last.
                self._data = b""
                self._at = 0
                return None
            answer = self._read_header()
            if not isinstance(answer, bool):
                return answer
            if not answer:
                return None
        return self._go_on()

    def _go_on(self) -> bytes | bytearray | Refusal | None:
        """Take up what cannot be done with one look at the received piece."""
        if self._ended:
            self._at = len(self._data)
            return None
        if self._body is not None:
            return self._gather(self._body)
        if self._skip:
            refusal = self._skip_on()
            return refusal if refusal is not None or self._skip else self.take()
        return self._search()

    def _expect(self, length: int) -> None:
        """Begin a frame that is longer than what was received, or too long."""
        if length > FRAME_BYTES:
            self._peek = bytearray()
            self._skip = length
        else:
            self._body = bytearray()
        self._plain = False
        self._length = length

    def _gather(self, body: bytearray) -> bytearray | None:
        at = self._at
        part = self._data[at : at + self._length - len(body)]
        body += part
        self._at = at + len(part)
        if len(body) < self._length:
            return None
        self._body = None
        self._plain = True
        return body

    def _skip_on(self) -> Refusal | None:
        size = min(self._skip, len(self._data) - self._at)
        peek = self._peek
        if peek is not None:
            size = min(size, PEEK_BYTES - len(peek))
            peek += self._data[self._at : self._at + size]
        self._at += size
        self._skip -= size
        self._plain = not self._skip
        if peek is None or len(peek) < PEEK_BYTES:
            return None
        self._peek = None
        return Refusal(
            "FRAME_TOO_LARGE",
            f"a frame of {self._length} bytes is over the cap of {FRAME_BYTES} and was skipped; send it in parts",
            head=bytes(peek),
        )

    def _search(self) -> bytes | bytearray | Refusal | None:
        """Look for the next header after a broken one."""
        left = SEARCH_BYTES - self._searched
        found = _LENGTH.search(self._data, self._at, self._at + left + _LENGTH_BYTES - 1)
        if found is not None and found.start() - self._at < left:
            self._at = found.start()
            self._plain = True
            return self.take()
        size = min(left, len(self._data) - self._at - _LENGTH_BYTES + 1)
        if size > 0:
            self._at += size
            self._searched += size
        if self._searched < SEARCH_BYTES:
            return None
        self._ended = True
        return Refusal(
            "PARSE_ERROR",
            f"no Content-Length header in the {SEARCH_BYTES} bytes after a broken one; the connection is closed",
            final=True,
        )

    def _read_header(self) -> Refusal | bool:
        """Read a header block that is not just one plain Content-Length. True where there is something to take now,
        False where the block is not complete."""
        data = self._data
        at = self._at
        while at < len(data) and data[at] in b"\r\n":
            at += 1
        if at > self._at:
            self._at = at
            return True
        empty = _EMPTY_LINE.search(data, at, at + HEADER_BYTES)
        if empty is None:
            if len(data) - at < HEADER_BYTES:
                return False
            self._at = at + HEADER_BYTES - _LENGTH_BYTES - _DIGITS - 4
            return self._break(f"a header block of more than {HEADER_BYTES} bytes")
        self._at = empty.end()
        lengths, strays = _split_header(data[at : empty.start()])
        if not lengths:
            return self._break("a header block without Content-Length")
        text = lengths.pop()
        if lengths or not (text.isdigit() and len(text) < _DIGITS) or int(text) > SKIP_BYTES:
            return self._break(f"{_show(b', '.join([*lengths, text]))} as Content-Length, which is no possible length")
        self._expect(int(text))
        if strays and self._body is not None:
            return Refusal(
                "PARSE_ERROR",
                f"{_show(strays)} stands where a header is due: the length of the frame before is in bytes of UTF-8",
            )
        return True

    def _break(self, what: str) -> Refusal:
        self._plain = False
        self._searched = 0
        return Refusal("PARSE_ERROR", f"{what}; reading goes on at the next Content-Length header")


def _split_header(block: bytes) -> tuple[set[bytes], bytes]:
    """The values of Content-Length in a header block, and the first part of it that is no header."""
    lengths: set[bytes] = set()
    strays: list[bytes] = []
    for line in block.splitlines():
        name, colon, value = line.partition(b":")
        if not colon or not _HEADER_NAME.fullmatch(name):
            strays.append(line)
        elif name.rstrip().lower() == b"content-length":
            lengths.add(value.strip())
    if not lengths:
        for line in block.splitlines():
            found = _LENGTH.search(line)
            if found is not None:
                lengths.add(line[found.end() :].strip())
                strays.append(line[: found.start()])
    return lengths, strays[0] if strays else b""


def _show(text: bytes) -> str:
    return repr(text[:40].decode("latin-1"))
