"""One frame, and what it is read as."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import UNSET

from agentlanes.rpc.fault import CODES
from agentlanes.rpc.message import Malformed, Message, fail, find_id, nests_deeper, parse, succeed

JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**63), 2**63) | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
)


def refused(frame: bytes) -> tuple[Any, int]:
    message = parse(frame)
    assert isinstance(message, Malformed)
    return message.id, message.fault.code


@given(message_id=st.none() | st.integers(-(2**63), 2**63) | st.text(), method=st.text(), params=JSON)
def test_every_request_is_read_as_it_is(message_id: object, method: str, params: object) -> None:
    frame = json.dumps({"jsonrpc": "2.0", "id": message_id, "method": method, "params": params})
    message = parse(frame.encode())
    assert isinstance(message, Message)
    assert (message.id, message.method, message.params) == (message_id, method, params)
    assert json.loads(succeed(message.answer_id, b"{}"))["id"] == message_id


def test_a_payload_may_hold_frames() -> None:
    inner = {"jsonrpc": "2.0", "id": 9, "method": "inner", "params": {"jsonrpc": "1.0"}}
    message = parse(json.dumps({"jsonrpc": "2.0", "id": 1, "method": "x", "params": {"payload": inner}}).encode())
    assert isinstance(message, Message)
    assert message.params == {"payload": inner}


def test_kinds_of_messages() -> None:
    notification = parse(b'{"jsonrpc":"2.0","method":"x"}')
    assert isinstance(notification, Message)
    assert notification.id is UNSET
    response = parse(b'{"jsonrpc":"2.0","id":1,"result":null}')
    assert isinstance(response, Message)
    assert response.method is None


@pytest.mark.parametrize(
    ("frame", "message_id", "code"),
    [
        (b"", None, -32700),
        (b"{", None, -32700),
        (b"not json", None, -32700),
        (b'{"jsonrpc":"2.0","id":5,"method":"x","params":{}', 5, -32700),
        (b'{"jsonrpc":"2.0","id":5,"method":"x"} trailing', 5, -32700),
        (b'{"jsonrpc":"2.0","id":"five","method":"x","params":NaN}', "five", -32700),
        (b'{"jsonrpc":"2.0","id":5,"method":"x","params":"\\ud800"}', 5, -32700),
        (b'{"params":"\xff","id":5,"jsonrpc":"2.0","method":"x"}', 5, -32700),
        (b'\xff{"jsonrpc":"2.0","id":5,"method":"x"}', None, -32700),
        (b'{"jsonrpc":"2.0","id":"\xff","method":"x",}', None, -32700),
        (b'{"jsonrpc":"2.0","id":1,"method":"x","params":1e400}', 1, -32700),
        (b'{"jsonrpc":"2.0","id":' + b"1" * 5000 + b',"method":"x"}', None, -32700),
        (b"1", None, -32600),
        (b"null", None, -32600),
        (b'"text"', None, -32600),
        (b'{"id":5,"method":"x"}', 5, -32600),
        (b'{"jsonrpc":"1.0","id":5,"method":"x"}', 5, -32600),
        (b'{"jsonrpc":2.0,"id":5,"method":"x"}', 5, -32600),
        (b'{"jsonrpc":"2.0","id":1.5,"method":"x"}', None, -32600),
        (b'{"jsonrpc":"2.0","id":true,"method":"x"}', None, -32600),
        (b'{"jsonrpc":"2.0","id":{},"method":"x"}', None, -32600),
        (b'{"jsonrpc":"2.0","id":5}', 5, -32600),
        (b'{"jsonrpc":"2.0","id":5,"method":null}', 5, -32600),
        (b'{"jsonrpc":"2.0","id":5,"method":7}', 5, -32600),
        (b'{"jsonrpc":"1.0","id":5,"result":7}', None, -32600),
        (b"[]", None, -32600),
        (b"[" + b",".join([b"{}"] * 101) + b"]", None, -32600),
        (b'{"jsonrpc":"2.0","id":5,"method":"x","params":' + b"[" * 100 + b"]" * 100 + b"}", 5, -32600),
        (b'{"jsonrpc":"2.0","params":' + b"[" * 500 + b"]" * 500 + b',"id":5,"method":"x"}', 5, -32600),
        (b'{"jsonrpc":"2.0","id":5,"method":"x","params":' + b"[" * 9999 + b"]" * 9999 + b"}", 5, -32600),
        (b"[" * 100_000, None, -32600),
        (b"[" * 101 + b"]" * 101, None, -32600),
    ],
)
def test_what_is_no_message_is_answered(frame: bytes, message_id: object, code: int) -> None:
    assert refused(frame) == (message_id, code)


def test_a_batch_is_read_message_by_message() -> None:
    request = {"jsonrpc": "2.0", "id": 1, "method": "x"}
    batch = parse(json.dumps([request, 1, {"jsonrpc": "2.0", "method": "y"}, {"id": 7}, []]).encode())
    assert isinstance(batch, list)
    assert [type(entry) for entry in batch] == [Message, Malformed, Message, Malformed, Malformed]
    assert [entry.id for entry in batch] == [1, None, UNSET, 7, None]


@given(value=JSON, depth=st.integers(1, 12))
def test_nesting_is_measured_as_it_is(value: object, depth: int) -> None:
    def measure(value: object) -> int:
        if isinstance(value, dict):
            return 1 + max(map(measure, value.values()), default=0)
        return 1 + max(map(measure, value), default=0) if isinstance(value, list) else 0

    assert nests_deeper(json.dumps(value, indent=1, ensure_ascii=False).encode(), depth) == (measure(value) > depth)


def test_nesting_is_measured_across_slices() -> None:
    text = json.dumps(['"[\\"[{' * 200_000, [[]], "[" * 1_500_000]).encode()
    assert not nests_deeper(text, 3)
    assert nests_deeper(text, 2)


def test_brackets_in_text_do_not_nest() -> None:
    message = parse(json.dumps({"jsonrpc": "2.0", "id": 1, "method": "x", "params": {"t": '\\"[{' * 500}}).encode())
    assert isinstance(message, Message)


@pytest.mark.parametrize(
    ("head", "message_id"),
    [
        (b'{"jsonrpc":"2.0","id":7,"method":"x","params":{"id":8', 7),
        (b'{ "id" : "a" , "method"', "a"),
        (b'{"method":"x","params":{"id":8},"id":9}', None),
        (b'{"jsonrpc":"2.0","method":"x","params":{"id":8', None),
        (b'[{"id":7,', None),
        (b'{"id":7', None),
        (b'{"id":007,', None),
        (b"", None),
    ],
)
def test_an_id_is_found_only_where_it_is_the_messages_own(head: bytes, message_id: object) -> None:
    assert find_id(head) == message_id


def test_the_faults_are_those_of_the_protocol() -> None:
    table = json.loads(Path("protocol/v1/protocol.json").read_text())["errors"]
    for name, code in CODES.items():
        assert table[name]["code"] == code


def test_an_error_has_its_shape() -> None:
    message = parse(b'{"jsonrpc":"1.0","id":"a"}')
    assert isinstance(message, Malformed)
    error = json.loads(fail(message.id, message.fault))
    assert error["id"] == "a"
    assert error["error"]["data"] == {"code": "INVALID_REQUEST", "retryable": False, "details": {}}
