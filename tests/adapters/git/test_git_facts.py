"""Facts are plain data, and every path has a text."""

from __future__ import annotations

import json
import pickle

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import Struct

from adapters.git.scene import Scene, write_raw
from agentlanes.core import facts
from agentlanes.core.facts import bytes_of_text, text_of_bytes


@given(st.binary(max_size=40) | st.text(max_size=20).map(lambda text: text.encode("utf-8", "replace")))
def test_any_name_survives_as_text(raw: bytes) -> None:
    text = text_of_bytes(raw)
    assert bytes_of_text(text) == raw
    assert json.loads(json.dumps(text)) == text
    text.encode("utf-8")


@given(st.binary(max_size=20), st.binary(max_size=20))
def test_different_names_have_different_texts(one: bytes, other: bytes) -> None:
    assert (text_of_bytes(one) == text_of_bytes(other)) == (one == other)


@pytest.mark.parametrize("text", ['"', '"a', '"\\400"', '"\\q"', '"a"b"', '"\\12"'])
def test_text_that_was_never_written_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="not a quoted git text"):
        bytes_of_text(text)


def test_quoted_text_is_what_git_writes(repo: Scene) -> None:
    names = [b"\xff\xfe", b'"both" \xff', b"tab\t\xe9", b"back\\slash\x80", b"bell\x07\x01\x7f\xf0"]
    for name in names:
        write_raw(repo.repo, name)
    repo.git("config", "core.quotePath", "true")
    repo.git("add", "-A")
    written = repo.git("ls-files").splitlines()
    assert {text_of_bytes(name) for name in names} <= set(written)


def test_every_fact_pickles_and_turns_into_json() -> None:
    classes = [value for value in vars(facts).values() if isinstance(value, type) and issubclass(value, Struct)]
    classes.remove(Struct)
    assert len(classes) > 20
    for cls in classes:
        told = {name: f"a {name}" for name in cls.__struct_fields__}
        made = cls(**told)
        assert pickle.loads(pickle.dumps(made)) == made
        assert json.loads(json.dumps(msgspec.to_builtins(made))) == told
