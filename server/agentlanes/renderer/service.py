"""Serves the screens: one slice of a tape at a time, in turn, and a frame now and then."""

from __future__ import annotations

import json
import os
import select
import time
from typing import Any

from agentlanes.renderer.player import Player
from agentlanes.renderer.wire import Frames, pack

FRAME_SECONDS = 0.05
"""Between frames of a screen that is still being played."""

REQUEST_BYTES = 64 << 10


class Service:
    """Everything that one renderer does."""

    def __init__(self, requests: int, answers: int) -> None:
        self._requests = requests
        self._answers = answers
        self._frames = Frames()
        self._players: dict[str, Player] = {}
        self._playing: dict[str, tuple[int, float]] = {}
        """Screens that were asked for: how far they are played, and when their last frame went."""

    def run(self) -> None:
        """Returns when the server says no more."""
        self._send({"screen": "", "op": "ready"})
        while True:
            waiting = None if not self._playing else 0
            readable, _, _ = select.select([self._requests], [], [], waiting)
            if readable:
                data = os.read(self._requests, REQUEST_BYTES)
                if not data:
                    return
                for body in self._frames.push(data):
                    self._take(json.loads(body))
            for screen in list(self._playing):
                self._try(screen, self._play)

    def _take(self, request: dict[str, Any]) -> None:
        screen = request["screen"]
        if request["op"] == "close":
            self._close(screen)
        elif request["op"] == "open":
            self._try(screen, lambda screen: self._open(screen, request["folder"]))
        elif request["op"] == "history":
            self._try(screen, lambda screen: self._tell_history(screen, request["lines"]))
        elif screen in self._players:
            # A flood has no end, so the one that it has now is as far as this goes.
            self._playing[screen] = self._players[screen].find_end(), time.monotonic()

    def _try(self, screen: str, work: Any) -> None:
        """One screen's trouble is its own."""
        try:
            work(screen)
        except Exception as error:
            self._close(screen)
            self._send({"screen": screen, "op": "failed", "reason": f"{type(error).__name__}: {error}"[:500]})

    def _open(self, screen: str, folder: str) -> None:
        player = Player(folder)
        self._players[screen] = player
        if not player.is_known:
            raise FileNotFoundError("its tape is gone")

    def _close(self, screen: str) -> None:
        self._playing.pop(screen, None)
        player = self._players.pop(screen, None)
        if player is not None:
            player.close()

    def _play(self, screen: str) -> None:
        end, told_at = self._playing[screen]
        more = self._players[screen].play(end)
        now = time.monotonic()
        if not more:
            del self._playing[screen]
        elif now - told_at < FRAME_SECONDS:
            return
        else:
            self._playing[screen] = end, now
        self._tell_screen(screen, done=not more)

    def _tell_screen(self, screen: str, done: bool) -> None:
        player = self._players[screen]
        seen, lines = player.emulator.paint()
        # Lines are JSON already.
        told = ",".join(f'{{"row":{row},"runs":{line}}}' for row, line in lines.items())
        head = {"screen": screen, "op": "screen", "offset": player.offset, "done": done, **seen}
        self._write(f'{json.dumps(head)[:-1]},"lines":[{told}]}}'.encode())

    def _tell_history(self, screen: str, count: int) -> None:
        lines = self._players[screen].emulator.read_history(count) if screen in self._players else []
        self._send({"screen": screen, "op": "history", "lines": lines})

    def _send(self, message: dict[str, Any]) -> None:
        self._write(json.dumps(message).encode())

    def _write(self, body: bytes) -> None:
        view = memoryview(pack(body))
        while view:
            view = view[os.write(self._answers, view) :]
