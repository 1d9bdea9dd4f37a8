"""Neovim as a person sees it: its real screen, in tmux, and pictures of it."""

from __future__ import annotations

import contextlib
import io
import re
import shlex
import subprocess
from collections.abc import Iterator
from pathlib import Path

from rich.console import Console
from rich.terminal_theme import TerminalTheme
from rich.text import Text

from cli.place import Place
from editors.neovim.editor import PLUGIN, ROOT, Editor, editor_environment, find_nvim, wait_until

COLUMNS, ROWS = 120, 36
PICTURES = ROOT / ".cache" / "screenshots"
_COLOURS = [(7, 8, 10), (255, 192, 185), (179, 246, 192), (252, 224, 148), (166, 219, 255), (255, 202, 255)]
_THEME = TerminalTheme((20, 22, 27), (224, 226, 234), [*_COLOURS, (140, 248, 247), (238, 241, 248)])
"""The colours of Neovim's own dark scheme."""
_FROM_THE_WEB = re.compile(r"@font-face \{.*?\}|<!--.*?-->", re.DOTALL)


class Screen:
    """A tmux window with Neovim in it."""

    def __init__(self, place: Place, socket: str, editor: Editor) -> None:
        self._place = place
        self._socket = socket
        self.editor = editor

    def _tmux(self, *arguments: str) -> str:
        return run_tmux(self._place, self._socket, *arguments)

    def type(self, *keys: str) -> None:
        """Keys by tmux's names, as `Enter` and `C-s`; anything else is typed as it is."""
        self._tmux("send-keys", "-t", "main", *keys)

    def show(self) -> str:
        """What is on the screen, without colours."""
        return self._tmux("capture-pane", "-t", "main", "-p")

    def wait(self, part: str) -> str:
        """What is on the screen as soon as a part is on it."""
        wait_until(lambda: part in self.show(), lambda: f"no {part!r} in:\n{self.show()}\n{self.editor.describe()}")
        return self.show()

    def photograph(self, name: str) -> Path:
        """Keeps the screen as a picture, with its colours."""
        coloured = self._tmux("capture-pane", "-t", "main", "-p", "-e")
        console = Console(record=True, width=COLUMNS, file=io.StringIO(), force_terminal=True, color_system="truecolor")
        for line in coloured.splitlines():
            console.print(Text.from_ansi(line, no_wrap=True), overflow="crop", crop=True)
        PICTURES.mkdir(parents=True, exist_ok=True)
        path = PICTURES / f"{name}.svg"
        # The fonts that rich names are on the web; every machine has a monospaced one.
        path.write_text(_FROM_THE_WEB.sub("", console.export_svg(title="nvim", theme=_THEME)))
        return path


def run_tmux(place: Place, socket: str, *arguments: str) -> str:
    return subprocess.run(
        ["tmux", "-S", socket, "-f", "/dev/null", *arguments],
        env={**editor_environment(place), "TERM": "xterm-256color", "COLORTERM": "truecolor", "LC_ALL": "C.UTF-8"},
        cwd=place.folder / "repo",
        check=True,
        capture_output=True,
        text=True,
    ).stdout


@contextlib.contextmanager
def start_screen(place: Place, *, setup: str = "") -> Iterator[Screen]:
    """A terminal with Neovim in the repository; gone after the block."""
    socket, address, init = str(place.folder / "tmux"), place.folder / "nvt", place.folder / "init.lua"
    init.write_text(
        f'vim.opt.runtimepath:append("{PLUGIN}")\nvim.o.laststatus = 3\nvim.o.showtabline = 0\n'
        "vim.o.termguicolors = true\n"
        "vim.o.statusline = \" %t%=%{%v:lua.require'agentlanes'.statusline()%} \"\n" + setup
    )
    command = [str(find_nvim()), "--listen", str(address), "-i", "NONE", "-n", "-u", str(init)]
    size = ["-x", str(COLUMNS), "-y", str(ROWS)]
    run_tmux(place, socket, "new-session", "-d", "-s", "main", *size, shlex.join(command))
    try:
        editor = Editor(place, address)
        yield Screen(place, socket, editor)
        editor.wire.close()
    finally:
        run_tmux(place, socket, "kill-server")
