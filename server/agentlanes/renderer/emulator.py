"""A terminal's emulator: Ghostty's, the one that draws for people, without a window.

It answers the program nothing (whoever types may do that), keeps no images, opens no files, and forgets what scrolled
out of its history.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from pyghostty._ffi import check, ffi, lib
from pyghostty.core import Terminal, init_sized

from agentlanes.renderer.wire import HISTORY_LINES, MAX_CELLS

HISTORY_BYTES = 16 << 20
ESCAPE_BYTES = 64 << 10
"""The longest escape string that is looked at."""

TITLE_LENGTH = 200
CLUSTER_LENGTH = 32
"""Code points of one character; of a longer one the first is shown."""

CACHE_CELLS = 20_000

CURSOR_SHAPES = {0: "bar", 1: "block", 2: "underline", 3: "block"}
UNDERLINES = {1: "single", 2: "double", 3: "curly", 4: "dotted", 5: "dashed"}
FLAGS = ("bold", "faint", "italic", "blink", "inverse", "invisible", "strikethrough", "overline")

APPLICATION_CURSOR_KEYS, BRACKETED_PASTE = 1, 2004
ALTERNATE = 1

# Looking a constant up in the library costs as much as reading a cell.
STYLE: int = lib.GHOSTTY_RENDER_STATE_ROW_CELLS_DATA_STYLE
PALETTE: int = lib.GHOSTTY_STYLE_COLOR_PALETTE
RGB: int = lib.GHOSTTY_STYLE_COLOR_RGB
WIDE: int = lib.GHOSTTY_CELL_WIDE_WIDE
TAIL: int = lib.GHOSTTY_CELL_WIDE_SPACER_TAIL

Json = dict[str, Any]


def fit(cols: int, rows: int) -> tuple[int, int]:
    """The size in which a terminal of this size is rendered."""
    return cols, max(1, min(rows, MAX_CELLS // cols))


class Emulator:
    """One terminal. `feed` takes what the program printed, in parts of any size."""

    def __init__(self, cols: int, rows: int) -> None:
        self.cols, self.rows = fit(cols, rows)
        self._terminal = Terminal(self.cols, self.rows, scrollback=HISTORY_LINES)
        self._limit()
        self._state = _make("GhosttyRenderState", lib.ghostty_render_state_new)
        self._row = _make("GhosttyRenderStateRowIterator", lib.ghostty_render_state_row_iterator_new)
        self._cells = _make("GhosttyRenderStateRowCells", lib.ghostty_render_state_row_cells_new)
        # The library writes into these; making them anew for each cell would cost more than all the rest.
        self._style = init_sized("GhosttyStyle")
        self._cursor = init_sized("GhosttyRenderStateCursor")
        self._known: dict[int, tuple[str | None, int, int]] = {}
        self._painted: list[str] = []

    def _limit(self) -> None:
        handle = self._terminal._t[0]
        for option, ctype, value in (
            (lib.GHOSTTY_TERMINAL_OPT_SCROLLBACK_MAX_BYTES, "size_t*", HISTORY_BYTES),
            (lib.GHOSTTY_TERMINAL_OPT_KITTY_IMAGE_STORAGE_LIMIT, "uint64_t*", 0),
            (lib.GHOSTTY_TERMINAL_OPT_KITTY_IMAGE_MEDIUM_FILE, "bool*", False),
            (lib.GHOSTTY_TERMINAL_OPT_KITTY_IMAGE_MEDIUM_SHARED_MEM, "bool*", False),
            (lib.GHOSTTY_TERMINAL_OPT_APC_MAX_BYTES, "size_t*", ESCAPE_BYTES),
            (lib.GHOSTTY_TERMINAL_OPT_APC_MAX_BYTES_KITTY, "size_t*", ESCAPE_BYTES),
            (lib.GHOSTTY_TERMINAL_OPT_CLIPBOARD_WRITE_MAX_BYTES, "size_t*", ESCAPE_BYTES),
        ):
            check(lib.ghostty_terminal_set(handle, option, ffi.new(ctype, value)), f"set {option}")
        check(lib.ghostty_terminal_set(handle, lib.GHOSTTY_TERMINAL_OPT_KITTY_IMAGE_MEDIUM_TEMP_FILE, ffi.NULL), "set")

    def feed(self, data: bytes) -> None:
        """Takes in what the program printed."""
        self._terminal.feed(data)

    def resize(self, cols: int, rows: int) -> None:
        """The terminal has another size from here on."""
        cols, rows = fit(cols, rows)
        if (cols, rows) != (self.cols, self.rows):
            self.cols, self.rows = cols, rows
            self._terminal.resize(cols, rows)

    def paint(self) -> tuple[Json, dict[int, str]]:
        """What is seen: the screen without its lines, and the lines that differ from those painted last, as JSON."""
        check(lib.ghostty_render_state_update(self._state[0], self._terminal._t[0]), "update")
        lines = self._paint_lines()
        cursor = self._cursor
        check(lib.ghostty_render_state_get(self._state[0], lib.GHOSTTY_RENDER_STATE_DATA_CURSOR, cursor), "cursor")
        get = self._terminal.get
        screen = {
            "cols": self.cols,
            "rows": self.rows,
            "title": self._read_title(),
            "cursor": {
                "row": cursor.viewport_y,
                "col": cursor.viewport_x,
                "visible": bool(cursor.visible and cursor.viewport_has_value),
                "shape": CURSOR_SHAPES[cursor.visual_style],
                "blinking": bool(cursor.blinking),
            },
            "alternate": get("active_screen", "GhosttyTerminalScreen") == ALTERNATE,
            "application_cursor_keys": self._terminal.mode(APPLICATION_CURSOR_KEYS),
            "bracketed_paste": self._terminal.mode(BRACKETED_PASTE),
            "mouse_tracking": bool(get("mouse_tracking", "bool")),
            "history_lines": int(get("scrollback_rows", "size_t")),
        }
        return screen, lines

    def read_history(self, count: int) -> list[str]:
        """The newest lines above the screen, oldest first, as plain text."""
        total = int(self._terminal.get("scrollback_rows", "size_t"))
        lines = []
        for y in range(max(0, total - count), total):
            selection = init_sized("GhosttySelection")
            selection.start = self._terminal.ref(0, y, "history")[0]
            selection.end = self._terminal.ref(self.cols - 1, y, "history")[0]
            lines.append(self._terminal._format_sel(selection).rstrip("\n"))
        return lines

    def close(self) -> None:
        """Frees what it holds."""
        lib.ghostty_render_state_row_cells_free(self._cells[0])
        lib.ghostty_render_state_row_iterator_free(self._row[0])
        lib.ghostty_render_state_free(self._state[0])
        self._terminal.close()

    def _read_title(self) -> str:
        title = self._terminal.get("title", "GhosttyString")
        text = bytes(ffi.buffer(title.ptr, min(title.len, 4 * TITLE_LENGTH))).decode(errors="replace")
        return "".join(char if char.isprintable() else " " for char in text)[:TITLE_LENGTH]

    def _paint_lines(self) -> dict[int, str]:
        """Lines that changed, by row. Rows that the emulator did not touch are not looked at."""
        state, row = self._state[0], self._row[0]
        fresh = len(self._painted) != self.rows
        if fresh:
            self._painted = [""] * self.rows
        dirty = ffi.new("bool*")
        clean = ffi.new("bool*", False)
        check(lib.ghostty_render_state_get(state, lib.GHOSTTY_RENDER_STATE_DATA_ROW_ITERATOR, self._row), "rows")
        whole = ffi.new("GhosttyRenderStateDirty*")
        check(lib.ghostty_render_state_get(state, lib.GHOSTTY_RENDER_STATE_DATA_DIRTY, whole), "dirty")
        fresh = fresh or whole[0] == lib.GHOSTTY_RENDER_STATE_DIRTY_FULL
        changed: dict[int, str] = {}
        y = -1
        while lib.ghostty_render_state_row_iterator_next(row):
            y += 1
            check(lib.ghostty_render_state_row_get(row, lib.GHOSTTY_RENDER_STATE_ROW_DATA_DIRTY, dirty), "row")
            if not (fresh or dirty[0]):
                continue
            line = json.dumps(self._paint_row(), ensure_ascii=False, separators=(",", ":"))
            if line != self._painted[y]:
                changed[y] = self._painted[y] = line
            check(lib.ghostty_render_state_row_set(row, lib.GHOSTTY_RENDER_STATE_ROW_OPTION_DIRTY, clean), "row")
        whole[0] = lib.GHOSTTY_RENDER_STATE_DIRTY_FALSE
        check(lib.ghostty_render_state_set(state, lib.GHOSTTY_RENDER_STATE_OPTION_DIRTY, whole), "dirty")
        return changed

    def _paint_row(self) -> list[Json]:
        """The runs of the iterator's row. Blank cells without attributes at its end are left out."""
        row = self._row[0]
        view = ffi.new("GhosttyCellsView*")
        check(lib.ghostty_render_state_row_get(row, lib.GHOSTTY_RENDER_STATE_ROW_DATA_CELLS_RAW, view), "cells")
        check(lib.ghostty_render_state_row_get(row, lib.GHOSTTY_RENDER_STATE_ROW_DATA_CELLS, self._cells), "cells")
        # A cell's number tells all of it but its attributes, which the row numbers, and clusters of code points.
        styles: dict[int, Json] = {}
        runs: list[tuple[list[str], int, Json]] = []
        for x, cell in enumerate(memoryview(ffi.buffer(view.ptr, view.len * 8)).cast("Q")):
            known = self._known.get(cell)
            if known is None:
                known = self._learn(cell)
            text, wide, style_id = known
            if wide == TAIL:
                continue
            if text is None:
                text, style = self._look(x, cell)
            elif style_id in styles:
                style = styles[style_id]
            else:
                style = styles[style_id] = self._read_style(x)
            width = 2 if wide == WIDE else 1
            if runs and runs[-1][2] == style:
                chars, cells, _ = runs[-1]
                chars.append(text)
                runs[-1] = (chars, cells + width, style)
            else:
                runs.append(([text], width, style))
        if runs and not runs[-1][2]:
            chars, cells, _ = runs.pop()
            kept = "".join(chars).rstrip(" ")
            if kept:
                runs.append(([kept], cells - (len("".join(chars)) - len(kept)), {}))
        return [{"text": "".join(chars), "cells": cells, **style} for chars, cells, style in runs]

    def _learn(self, cell: int) -> tuple[str | None, int, int]:
        """What a cell's number means: its text (None where only the cell itself can tell), its width, its style."""
        tag = ffi.new("GhosttyCellContentTag*")
        wide = ffi.new("GhosttyCellWide*")
        style_id = ffi.new("GhosttyStyleId*")
        codepoint = ffi.new("uint32_t*")
        for key, out in (
            (lib.GHOSTTY_CELL_DATA_CONTENT_TAG, tag),
            (lib.GHOSTTY_CELL_DATA_WIDE, wide),
            (lib.GHOSTTY_CELL_DATA_STYLE_ID, style_id),
            (lib.GHOSTTY_CELL_DATA_CODEPOINT, codepoint),
        ):
            check(lib.ghostty_cell_get(cell, key, out), "cell")
        text = _show(codepoint[0]) if tag[0] == lib.GHOSTTY_CELL_CONTENT_CODEPOINT else None
        if len(self._known) >= CACHE_CELLS:
            self._known.clear()
        known = self._known[cell] = (text, wide[0], style_id[0])
        return known

    def _look(self, x: int, cell: int) -> tuple[str, Json]:
        """Text and attributes of a cell that is a cluster, or nothing but a background."""
        tag = ffi.new("GhosttyCellContentTag*")
        check(lib.ghostty_cell_get(cell, lib.GHOSTTY_CELL_DATA_CONTENT_TAG, tag), "cell")
        if tag[0] == lib.GHOSTTY_CELL_CONTENT_BG_COLOR_PALETTE:
            index = ffi.new("GhosttyColorPaletteIndex*")
            check(lib.ghostty_cell_get(cell, lib.GHOSTTY_CELL_DATA_COLOR_PALETTE, index), "cell")
            return " ", {"bg": str(index[0])}
        if tag[0] == lib.GHOSTTY_CELL_CONTENT_BG_COLOR_RGB:
            rgb = ffi.new("GhosttyColorRgb*")
            check(lib.ghostty_cell_get(cell, lib.GHOSTTY_CELL_DATA_COLOR_RGB, rgb), "cell")
            return " ", {"bg": f"#{rgb.r:02x}{rgb.g:02x}{rgb.b:02x}"}
        check(lib.ghostty_render_state_row_cells_select(self._cells[0], x), "select")
        length = ffi.new("uint32_t*")
        self._get(lib.GHOSTTY_RENDER_STATE_ROW_CELLS_DATA_GRAPHEMES_LEN, length)
        points = ffi.new("uint32_t[]", max(1, length[0]))
        self._get(lib.GHOSTTY_RENDER_STATE_ROW_CELLS_DATA_GRAPHEMES_BUF, points)
        shown = points[0 : length[0] if length[0] <= CLUSTER_LENGTH else 1]
        return "".join(map(_show, shown)), self._read_style(x)

    def _read_style(self, x: int) -> Json:
        style = self._style
        check(lib.ghostty_render_state_row_cells_select(self._cells[0], x), "select")
        self._get(STYLE, style)
        told: Json = {}
        for name, color in (("fg", style.fg_color), ("bg", style.bg_color), ("underline_color", style.underline_color)):
            tag = color.tag
            if tag == PALETTE:
                told[name] = str(color.value.palette)
            elif tag == RGB:
                told[name] = f"#{color.value.rgb.r:02x}{color.value.rgb.g:02x}{color.value.rgb.b:02x}"
        if style.underline in UNDERLINES:
            told["underline"] = UNDERLINES[style.underline]
        told.update({name: True for name in FLAGS if getattr(style, name)})
        return told

    def _get(self, key: int, out: Any) -> None:
        check(lib.ghostty_render_state_row_cells_get(self._cells[0], key, out), "cell")


def _make(ctype: str, new: Callable[[Any, Any], int]) -> Any:
    handle = ffi.new(f"{ctype}*")
    check(new(ffi.NULL, handle), ctype)
    return handle


def _show(codepoint: int) -> str:
    """A code point as text. An empty cell is a blank, and what could steer a reader's terminal is not passed on."""
    char = chr(codepoint) if codepoint and not 0xD800 <= codepoint <= 0xDFFF else " "
    return char if codepoint >= 0xA0 or " " <= char <= "~" else " "
