"""One frame as JSON-RPC messages, and the frames of answers."""

from __future__ import annotations

import re
from typing import Any, Final, Literal, cast

import msgspec
from msgspec import UNSET, UnsetType

from agentlanes.rpc.fault import Fault, refuse

NESTING: Final = 100
"""The deepest nesting of objects and arrays that is read."""

BATCH: Final = 100
"""The most messages in one batch."""

MessageId = int | str | None


class Message(msgspec.Struct, gc=False):
    """A request (`method` and `id`), a notification (`method`), or a response (`result` or `error`)."""

    jsonrpc: Literal["2.0"]
    method: str | None = None
    id: MessageId | UnsetType = UNSET
    params: Any = None
    result: Any = UNSET
    error: Any = UNSET

    @property
    def answer_id(self) -> MessageId:
        """The id that an answer carries."""
        return None if self.id is UNSET else self.id


class Malformed(msgspec.Struct, gc=False):
    """Something that is no message. `id` is what the answer carries: None where no id could be found."""

    id: MessageId
    fault: Fault


_decode = msgspec.json.Decoder(Message).decode
_decode_anything = msgspec.json.Decoder().decode
_encode = msgspec.json.encode

# The members before `id` at the start of an object: where an id is found here, it is the message's own.
_LEADING_ID = re.compile(
    rb'\s*\{(?:\s*"(?:jsonrpc|method)"\s*:\s*"[^"\\]{0,200}"\s*,)*\s*"id"\s*:\s*(-?[0-9]{1,20}|"[^"\\]{0,200}")\s*[,}]'
)
_BRACKETS = bytes.maketrans(b"[{]}", b"(())")
_NO_BRACKETS = bytes(set(range(256)) - set(b"[]{}"))
_SLICE = 1024 * 1024


def parse(frame: bytes | bytearray) -> Message | Malformed | list[Message | Malformed]:
    """The message of a frame; a list for a batch. It never raises: what is wrong is a `Malformed`."""
    try:
        message = _decode(frame)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return _parse_again(frame)
    if len(frame) > 2 * NESTING and _may_nest_deeper(frame) and nests_deeper(frame):
        return Malformed(message.answer_id, _refuse_nesting())
    if message.method is None and message.result is UNSET and message.error is UNSET:
        return Malformed(message.answer_id, _refuse_shape())
    return message


def _may_nest_deeper(frame: bytes | bytearray) -> bool:
    # Taking out single bytes is four times faster than counting them, and stops early.
    return len(frame) - len(frame.replace(b"{", b"", NESTING + 1).replace(b"[", b"", NESTING + 1)) > NESTING


def find_id(head: bytes | bytearray) -> MessageId:
    """The id of a message of which only the start is there or can be read; None where it is not near the start."""
    found = _LEADING_ID.match(head)
    if found is None:
        return None
    try:
        return cast(MessageId, _decode_anything(found[1]))
    except (msgspec.MsgspecError, UnicodeDecodeError):
        return None


def succeed(message_id: MessageId, result: bytes) -> bytes:
    """The response with a finished result."""
    if type(message_id) is int:
        return b'{"jsonrpc":"2.0","id":%d,"result":%b}' % (message_id, result)
    return b'{"jsonrpc":"2.0","id":%b,"result":%b}' % (_encode(message_id), result)


def fail(message_id: MessageId, fault: Fault) -> bytes:
    """The response with an error."""
    error = {"code": fault.code, "message": fault.message, "data": fault.data}
    return b'{"jsonrpc":"2.0","id":%b,"error":%b}' % (_encode(message_id), _encode(error))


def ask(message_id: int, method: str, params: dict[str, Any] | None) -> bytes:
    """A request to the client."""
    request: dict[str, Any] = {"jsonrpc": "2.0", "id": message_id, "method": method}
    if params is not None:
        request["params"] = params
    return _encode(request)


def tell(method: str, params: dict[str, Any]) -> bytes:
    """A notification to the client."""
    return _encode({"jsonrpc": "2.0", "method": method, "params": params})


def nests_deeper(frame: bytes | bytearray, cap: int = NESTING) -> bool:
    """Whether objects and arrays are nested deeper than `cap`, in a frame that is JSON.

    What is not a bracket is taken out, and then the innermost pairs, `cap` times: all of it at memory speed.
    """
    if b"\\" in frame:
        frame = frame.replace(b"\\\\", b"").replace(b'\\"', b"")
    brackets = bytearray()
    in_string = 0
    for start in range(0, len(frame), _SLICE):
        parts = frame[start : start + _SLICE].split(b'"')
        brackets += b"".join(parts[in_string::2]).translate(_BRACKETS, _NO_BRACKETS)
        in_string ^= (len(parts) - 1) & 1
    for _ in range(cap):
        if not brackets:
            return False
        brackets = brackets.replace(b"()", b"")
    return bool(brackets)


def _parse_again(frame: bytes | bytearray) -> Message | Malformed | list[Message | Malformed]:
    """Take the slow way, which finds out what is wrong and to which id that must be answered."""
    try:
        value = _decode_anything(frame)
    except RecursionError:
        return Malformed(find_id(frame), _refuse_nesting())
    except UnicodeDecodeError as error:
        repaired = parse(frame.decode("utf-8", "replace").encode())
        message_id = repaired.answer_id if isinstance(repaired, Message) else None
        fault = refuse("PARSE_ERROR", f"the frame is not UTF-8 ({error.reason}); text must be UTF-8")
        return Malformed(message_id, fault)
    except msgspec.MsgspecError as error:
        return Malformed(find_id(frame), refuse("PARSE_ERROR", f"the frame is not JSON: {error}"))
    if nests_deeper(frame):
        return Malformed(find_id(frame), _refuse_nesting())
    if not isinstance(value, list):
        return _read_message(value)
    if not 0 < len(value) <= BATCH:
        return Malformed(
            None, refuse("INVALID_REQUEST", f"a batch of {len(value)} messages; a batch holds 1 to {BATCH}")
        )
    return [_read_message(entry) for entry in value]


def _read_message(value: object) -> Message | Malformed:
    """The message that a JSON value is, or why it is none."""
    if not isinstance(value, dict):
        return Malformed(None, refuse("INVALID_REQUEST", "a message is an object, or an array of objects as a batch"))
    message_id = value.get("id")
    if not (message_id is None or isinstance(message_id, str) or type(message_id) is int):
        return Malformed(None, refuse("INVALID_REQUEST", "the id must be a string, an integer or null"))
    is_request = isinstance(value.get("method"), str)
    if value.get("jsonrpc") == "2.0" and (is_request or "result" in value or "error" in value):
        return Message(**{name: value[name] for name in Message.__struct_fields__ if name in value})
    # The id of a response is one of ours, which an answer to the client must not carry.
    is_response = "method" not in value and ("result" in value or "error" in value)
    return Malformed(None if is_response else message_id, _refuse_shape())


def _refuse_shape() -> Fault:
    return refuse(
        "INVALID_REQUEST",
        'a message has "jsonrpc": "2.0"; a request also has a method, a string, and a response a result or an error',
    )


def _refuse_nesting() -> Fault:
    return refuse("INVALID_REQUEST", f"objects and arrays are nested deeper than {NESTING}; send a flatter message")
