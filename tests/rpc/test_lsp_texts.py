"""Open documents follow every edit, whatever the position encoding and the line ends."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agentlanes.rpc.lsp.texts import Texts, find_index, split_lines

URI = "untitled:Untitled-1"
CODECS = {"utf-8": ("utf-8", 1), "utf-16": ("utf-16-le", 2), "utf-32": ("utf-32-le", 4)}
PIECES = ["a", "é", "€", "𝒳", "👩‍🚀", "\n", "\r\n", "\r", "\x0b", "\x0c", "\x85", "\u2028", "\x1c", " "]
"""Of every length in every encoding, and what Python takes for a line's end and LSP does not."""

texts = st.lists(st.sampled_from(PIECES), max_size=30).map("".join)


def encode(text: str, encoding: str) -> bytes:
    return text.encode(CODECS[encoding][0])


def find_offset(text: str, line: int, character: int, encoding: str) -> int:
    """The oracle: where a position is in the encoded text, straight from LSP's definition."""
    codec, size = CODECS[encoding]
    rest, offset = text, 0
    for _ in range(line):
        ends = [place + len(end) for end in ("\r\n", "\n", "\r") if (place := rest.find(end)) >= 0]
        at = next((e for e in sorted(ends)), None)
        if at is None:
            return offset + len(rest.encode(codec))
        if rest[at - 1] == "\r" and rest[at : at + 1] == "\n":
            at += 1
        offset += len(rest[:at].encode(codec))
        rest = rest[at:]
    content = min((place for end in "\r\n" if (place := rest.find(end)) >= 0), default=len(rest))
    return offset + min(character * size, len(rest[:content].encode(codec)))


@st.composite
def edits(draw: st.DrawFn) -> tuple[str, str, list[tuple[Any, str]]]:
    """A text, an encoding, and edits at positions at which a client can make them: between code points."""
    encoding = draw(st.sampled_from(sorted(CODECS)))
    text = draw(texts)
    current = text
    made: list[tuple[Any, str]] = []
    for _ in range(draw(st.integers(0, 4))):
        places = sorted(draw(st.tuples(st.integers(0, len(current)), st.integers(0, len(current)))))
        positions = [place_of(current, place, encoding) for place in places]
        inserted = draw(texts)
        made.append(({"start": positions[0], "end": positions[1]}, inserted))
        start, end = (find_offset(current, p["line"], p["character"], encoding) for p in positions)
        whole = encode(current, encoding)
        current = (whole[:start] + encode(inserted, encoding) + whole[end:]).decode(CODECS[encoding][0])
    made.append((None, current))
    return text, encoding, made


def place_of(text: str, index: int, encoding: str) -> dict[str, int]:
    before = split_lines(text[:index] if text[index - 1 : index + 1] != "\r\n" else text[: index - 1])
    return {"line": len(before) - 1, "character": len(encode(before[-1], encoding)) // CODECS[encoding][1]}


@given(edits())
def test_edits(case: tuple[str, str, list[tuple[Any, str]]]) -> None:
    text, encoding, made = case
    documents = Texts(encoding)
    documents.hear("textDocument/didOpen", {"textDocument": {"uri": URI, "text": text}})
    *changes, (_, wanted) = made
    told = [{"range": place, "text": inserted} for place, inserted in changes]
    documents.hear("textDocument/didChange", {"textDocument": {"uri": URI}, "contentChanges": told})
    assert "".join(documents.lines(URI)) == wanted
    assert list(documents.lines(URI)) == split_lines(wanted)


@given(texts, st.sampled_from(sorted(CODECS)), st.integers(0, 60))
def test_a_position_is_never_within_a_code_point(text: str, encoding: str, character: int) -> None:
    line = split_lines(text)[0]
    index = find_index(line, character, encoding)
    content = line.rstrip("\r\n")
    units = len(encode(content[:index], encoding)) // CODECS[encoding][1]
    assert units <= character
    if index < len(content):
        assert len(encode(content[: index + 1], encoding)) // CODECS[encoding][1] > character


def test_lines_end_where_lsp_says() -> None:
    assert split_lines("a\r\nb\rc\nd\x0ce\u2028f") == ["a\r\n", "b\r", "c\n", "d\x0ce\u2028f"]
    assert split_lines("") == [""] and split_lines("a\n") == ["a\n", ""]


@pytest.mark.parametrize(
    ("method", "params"),
    [
        (
            "textDocument/didChange",
            {"textDocument": {"uri": "file:///never-opened"}, "contentChanges": [{"text": "x"}]},
        ),
        ("textDocument/didChange", {"textDocument": {"uri": URI}, "contentChanges": [{"range": {}, "text": "x"}]}),
        ("textDocument/didChange", {"textDocument": {"uri": URI}, "contentChanges": 7}),
        ("textDocument/didOpen", {"textDocument": {"uri": URI, "text": None}}),
        ("textDocument/didOpen", {}),
        ("textDocument/didClose", {"textDocument": None}),
    ],
)
def test_what_has_another_shape_changes_nothing(method: str, params: dict[str, Any]) -> None:
    documents = Texts("utf-16")
    documents.hear("textDocument/didOpen", {"textDocument": {"uri": URI, "text": "kept\n"}})
    documents.hear(method, params)
    assert list(documents.lines(URI)) == ["kept\n", ""]
    assert list(documents.lines("file:///never-opened")) == []


def test_an_edit_behind_the_end_is_at_the_end() -> None:
    documents = Texts("utf-16")
    documents.hear("textDocument/didOpen", {"textDocument": {"uri": URI, "text": "a"}})
    far = {"line": 2147483647, "character": 2147483647}
    change = {"range": {"start": far, "end": far}, "text": "b"}
    documents.hear("textDocument/didChange", {"textDocument": {"uri": URI}, "contentChanges": [change]})
    assert list(documents.lines(URI)) == ["ab"]
    documents.hear("textDocument/didClose", {"textDocument": {"uri": URI}})
    assert list(documents.lines(URI)) == []
