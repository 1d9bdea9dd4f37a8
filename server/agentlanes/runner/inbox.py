"""What a process is still to read: accepted once, in order, written as fast as the process reads."""

from __future__ import annotations

import collections
import os

from agentlanes.runner.wire import RefusedError

INPUT_LIMIT = 64 << 20
"""Bytes that may wait."""

INPUT_IDS = 256
"""How many of a terminal's newest input ids are remembered."""

_WRITE_SIZE = 256 << 10


class Inbox:
    """Input of one process. What was accepted counts as done, whether or not the process has read it yet."""

    def __init__(self) -> None:
        self.last_n = 0
        self.size = 0
        self._queue: collections.deque[memoryview] = collections.deque()
        self._ids: collections.deque[str] = collections.deque(maxlen=INPUT_IDS)

    def accept(self, data: bytes, n: int | None, input_id: str | None) -> bool:
        """Queue `data`, or refuse it. False if it is a repeat, of which nothing is queued."""
        if n is not None:
            if n <= self.last_n:
                return False
            if n > self.last_n + 1:
                raise RefusedError(
                    "WRITE_OUT_OF_ORDER", f"write {n} came, {self.last_n + 1} is next", last_n=self.last_n
                )
        if input_id is not None and input_id in self._ids:
            return False
        if self.size and self.size + len(data) > INPUT_LIMIT:
            raise RefusedError("INPUT_FULL", f"{self.size} bytes wait for the process to read them", waiting=self.size)
        if n is not None:
            self.last_n = n
        if input_id is not None:
            self._ids.append(input_id)
        if data:
            self._queue.append(memoryview(data))
            self.size += len(data)
        return True

    def is_repeat(self, n: int | None, input_id: str | None) -> bool:
        return (n is not None and n <= self.last_n) or (input_id is not None and input_id in self._ids)

    def deliver(self, fd: int) -> bool:
        """Write what `fd` takes without waiting; true once nothing waits. Raises OSError if nobody will read it."""
        while self._queue:
            head = self._queue[0]
            try:
                count = os.write(fd, head[:_WRITE_SIZE])
            except BlockingIOError:
                return False
            self.size -= count
            if count == len(head):
                self._queue.popleft()
            else:
                self._queue[0] = head[count:]
        return True

    def discard(self) -> None:
        self._queue.clear()
        self.size = 0
