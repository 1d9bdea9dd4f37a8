"""An editor as a person sees it: its real screen, in tmux, and pictures of it."""

from __future__ import annotations

import contextlib
import io
import re
import shlex
import subprocess
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path

from rich.console import Console
from rich.terminal_theme import TerminalTheme
from rich.text import Text

WAIT_SECONDS = 180.0
COLUMNS, ROWS = 100, 20
PICTURES = Path(__file__).parents[2] / ".cache" / "screenshots"
_COLOURS = [(7, 8, 10), (255, 192, 185), (179, 246, 192), (252, 224, 148), (166, 219, 255), (255, 202, 255)]
_THEME = TerminalTheme((20, 22, 27), (224, 226, 234), [*_COLOURS, (140, 248, 247), (238, 241, 248)])
_FROM_THE_WEB = re.compile(r"@font-face \{.*?\}|<!--.*?-->", re.DOTALL)


class Terminal:
    """A tmux window with a program in it."""

    def __init__(self, socket: Path, env: Mapping[str, str], folder: Path, explain: Callable[[], str]) -> None:
        self._socket = socket
        self._env = {**env, "TERM": "xterm-256color", "COLORTERM": "truecolor", "LC_ALL": "C.UTF-8"}
        self._folder = folder
        self._explain = explain

    def tmux(self, *arguments: str) -> str:
        """What a tmux command printed."""
        return subprocess.run(
            ["tmux", "-S", str(self._socket), "-f", "/dev/null", *arguments],
            env=self._env,
            cwd=self._folder,
            check=True,
            capture_output=True,
            text=True,
        ).stdout

    def type(self, *keys: str) -> None:
        """Keys by tmux's names, as `Enter` and `C-s`; anything else is typed as it is."""
        self.tmux("send-keys", "-t", "main", *keys)

    def show(self) -> str:
        """What is on the screen, without colours."""
        return self.tmux("capture-pane", "-t", "main", "-p")

    def wait(self, *parts: str) -> str:
        """What is on the screen as soon as all parts are on it."""
        return self.wait_until(lambda shown: all(part in shown for part in parts), f"{parts}")

    def wait_until(self, holds: Callable[[str], object], wanted: str) -> str:
        """What is on the screen as soon as something holds of it."""
        deadline = time.monotonic() + WAIT_SECONDS
        while not holds(shown := self.show()):
            assert time.monotonic() < deadline, f"no {wanted} in:\n{shown}\n{self._explain()}"
            time.sleep(0.02)
        return shown

    def photograph(self, name: str, title: str) -> Path:
        """Keeps the screen as a picture, with its colours."""
        coloured = self.tmux("capture-pane", "-t", "main", "-p", "-e")
        console = Console(record=True, width=COLUMNS, file=io.StringIO(), force_terminal=True, color_system="truecolor")
        for line in coloured.splitlines():
            console.print(Text.from_ansi(line, no_wrap=True), overflow="crop", crop=True)
        PICTURES.mkdir(parents=True, exist_ok=True)
        path = PICTURES / f"{name}.svg"
        # The fonts that rich names are on the web; every machine has a monospaced one.
        path.write_text(_FROM_THE_WEB.sub("", console.export_svg(title=title, theme=_THEME)))
        return path


@contextlib.contextmanager
def start_terminal(
    socket: Path,
    command: Sequence[str],
    env: Mapping[str, str],
    folder: Path,
    explain: Callable[[], str] = lambda: "",
) -> Iterator[Terminal]:
    """A terminal in which a command runs; gone after the block."""
    terminal = Terminal(socket, env, folder, explain)
    size = ["-x", str(COLUMNS), "-y", str(ROWS)]
    terminal.tmux("new-session", "-d", "-s", "main", *size, shlex.join(command))
    terminal.tmux("set-option", "-g", "remain-on-exit", "on")
    try:
        yield terminal
    finally:
        terminal.tmux("kill-server")
