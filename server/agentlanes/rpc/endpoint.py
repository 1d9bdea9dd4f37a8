"""One connection: frames in, answers out, and LSP's lifecycle between them.

Every path through a request ends in exactly one answer. What the methods mean is the dispatch's business.
"""

from __future__ import annotations

import asyncio
import logging
import os
from collections.abc import Awaitable, Callable
from types import CoroutineType
from typing import Any, Final, cast

import msgspec
from msgspec import UNSET, UnsetType

from agentlanes.rpc.calls import Calls
from agentlanes.rpc.fault import Fault, refuse, refuse_method
from agentlanes.rpc.framing import Framing, Refusal
from agentlanes.rpc.message import Malformed, Message, MessageId, fail, find_id, parse, succeed
from agentlanes.rpc.outbound import Outbound
from agentlanes.rpc.peer import Peer
from agentlanes.rpc.ports import Answer, Dispatch, Pending, Reply
from agentlanes.rpc.sources import Feed

IN_FLIGHT: Final = 1024
"""Requests of one peer that may wait for their answer at the same time."""

TURN_FRAMES: Final = 256
"""Frames that one peer may have read before every other peer had its turn."""

LINGER_SECONDS: Final = 10.0
"""How long answers are waited for after the client said its last word."""

_NEW, _READY, _SHUT = range(3)
_TRACES: Final = ("off", "messages", "verbose")
_CORRELATION_LENGTH: Final = 256

Deliver = Callable[[bytes, int, Callable[[], None] | None], None]
"""Takes a finished answer, its `seq`, and what follows it."""

Flight = tuple[asyncio.Future[Reply], Pending | None]
"""A request that waits for its answer."""

log = logging.getLogger(__name__)


class Endpoint(asyncio.Protocol):
    """The protocol of one transport, for asyncio's and uvloop's loop.

    `on_close` is called once, after the connection is lost and the dispatch was told.
    """

    def __init__(
        self, dispatch: Dispatch, feed: Feed, peer_id: str, on_close: Callable[[Endpoint], None] | None = None
    ) -> None:
        self._dispatch = dispatch
        self._on_close = on_close
        self._loop = asyncio.get_running_loop()
        self._framing = Framing()
        self._outbound = Outbound(feed, dispatch.describe_gap)
        self._calls = Calls(self._outbound)
        self.peer = Peer(peer_id, self._outbound, self._calls.ask)
        self._state = _NEW
        self._transport: asyncio.Transport | None = None
        self._in_flight: dict[object, Flight] = {}
        self._backlog = False
        self._congested = False
        self._stopped = False
        self._ended = False
        self._eof = False
        self._linger: asyncio.TimerHandle | None = None
        self._requests: dict[str, Callable[[dict[str, Any]], Reply]] = {
            "initialize": self._initialize,
            "shutdown": self._shut_down,
        }
        self._notifications: dict[str, Callable[[dict[str, Any]], None]] = {
            "exit": self._exit,
            "$/cancelRequest": self._cancel,
            "$/setTrace": self._set_trace,
        }

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Begin."""
        self._transport = cast("asyncio.Transport", transport)
        self._outbound.connect(self._transport, self._hold)

    def data_received(self, data: bytes) -> None:
        """Read what came."""
        self._framing.push(data)
        self._read()

    def eof_received(self) -> bool:
        """The client says no more. What it asked is still answered, if that does not take long."""
        self._eof = True
        self._linger = self._loop.call_later(LINGER_SECONDS, self.close)
        if not self._in_flight:
            self.close()
        return True

    def pause_writing(self) -> None:
        """The client does not read fast enough."""
        self._outbound.pause()

    def resume_writing(self) -> None:
        """The client reads again."""
        self._outbound.resume()

    def connection_lost(self, exc: Exception | None) -> None:
        """The peer is gone: stop what nobody waits for."""
        self._ended = True
        self._transport = None
        self.peer.closed = True
        self._outbound.close()
        self._calls.close(f"{self.peer.id} is gone")
        if self._linger is not None:
            self._linger.cancel()
        for flight in self._in_flight.values():
            _cancel(flight)
        try:
            self._dispatch.close(self.peer)
        except Exception:
            log.exception("the dispatch failed to close %s", self.peer.id)
        if self._on_close is not None:
            self._on_close(self)

    def close(self) -> None:
        """End the connection, once what is queued is written."""
        self._ended = True
        self._outbound.end()

    def abort(self) -> None:
        """End the connection now."""
        self._ended = True
        if self._transport is not None:
            self._transport.abort()

    def _hold(self, congested: bool) -> None:
        """Stop reading requests while too many answers wait."""
        self._congested = congested
        if not congested:
            self._read()

    def _read(self) -> None:
        """Take frames until none is complete, the peer does not read its answers, or the turn is over."""
        self._backlog = False
        self._outbound.cork()
        left = TURN_FRAMES
        while not (self._congested or self._ended):
            frame = self._framing.take()
            if frame is None:
                break
            self._handle(frame)
            left -= 1
            if not left:
                self._backlog = True
                self._loop.call_soon(self._read)
                break
        self._outbound.uncork()
        stop = self._congested or self._backlog
        if stop != self._stopped and self._transport is not None and not self._transport.is_closing():
            self._stopped = stop
            if stop:
                self._transport.pause_reading()
            else:
                self._transport.resume_reading()

    def _handle(self, frame: bytes | bytearray | Refusal) -> None:
        if isinstance(frame, Refusal):
            self._deliver(fail(find_id(frame.head), refuse(frame.name, frame.message)), 0, None)
            if frame.final:
                self.close()
            return
        message = parse(frame)
        if isinstance(message, Message):
            self._receive(message, self._deliver)
        elif isinstance(message, Malformed):
            self._deliver(fail(message.id, message.fault), 0, None)
        else:
            self._receive_batch(message)

    def _receive(self, message: Message, deliver: Deliver) -> None:
        method = message.method
        message_id = message.id
        if method is None:
            self._calls.settle(message)
        elif isinstance(message_id, UnsetType):
            self._hear(method, message.params)
        else:
            self._serve(message_id, method, message.params, deliver)

    def _receive_batch(self, messages: list[Message | Malformed]) -> None:
        answers = sum(
            1 for entry in messages if isinstance(entry, Malformed) or (entry.method and entry.id is not UNSET)
        )
        deliver = _Batch(answers, self._deliver).deliver
        for entry in messages:
            if isinstance(entry, Malformed):
                deliver(fail(entry.id, entry.fault), 0, None)
            elif not self._ended:
                self._receive(entry, deliver)

    def _serve(self, message_id: MessageId, method: str, params: Any, deliver: Deliver) -> None:
        try:
            if type(params) is not dict:
                params = _read_params(params)
            own = self._requests.get(method)
            if own is not None:
                answer: Answer = own(params)
            else:
                if self._state != _READY or method.startswith("$/"):
                    raise self._refuse(method)
                if self._in_flight:
                    self._check_flight(message_id)
                answer = self._dispatch.call(self.peer, method, params)
            if type(answer) is not Reply:
                self._follow(message_id, method, params, answer, deliver)
                return
            frame = succeed(message_id, answer.result)
        except Exception as error:
            deliver(_answer_error(message_id, method, params, error), 0, None)
            return
        deliver(frame, answer.seq, answer.then)

    def _refuse(self, method: str) -> Fault:
        if self._state == _NEW:
            return refuse("SERVER_NOT_INITIALIZED", f"{method[:200]!r} came before initialize; send initialize first")
        if self._state == _SHUT:
            return refuse("INVALID_REQUEST", f"{method[:200]!r} came after shutdown; only exit is left, connect again")
        return refuse_method(method)

    def _check_flight(self, message_id: MessageId) -> None:
        if message_id is not None and message_id in self._in_flight:
            raise refuse("DUPLICATE_REQUEST_ID", f"a request with id {message_id!r} waits for its answer; use a new id")
        if len(self._in_flight) >= IN_FLIGHT:
            raise refuse("OVERLOADED", f"{IN_FLIGHT} requests of this peer wait for their answers; send this one later")

    def _follow(self, message_id: MessageId, method: str, params: Any, answer: Answer, deliver: Deliver) -> None:
        """Answer when there is an answer."""
        pending = answer if isinstance(answer, Pending) else None
        awaited = cast("Awaitable[Reply]", answer) if pending is None else pending.answer
        if isinstance(awaited, CoroutineType):
            future: asyncio.Future[Reply] = self._loop.create_task(awaited)
        else:
            future = asyncio.ensure_future(awaited)
        key = object() if message_id is None else message_id
        self._in_flight[key] = (future, pending)

        def finish(future: asyncio.Future[Reply]) -> None:
            del self._in_flight[key]
            seq, then = 0, None
            try:
                reply = future.result()
                frame, seq, then = succeed(message_id, reply.result), reply.seq, reply.then
            except asyncio.CancelledError:
                frame = fail(
                    message_id, refuse("REQUEST_CANCELLED", f"{method[:200]!r} was cancelled before it was done")
                )
            except Exception as error:
                frame = _answer_error(message_id, method, params, error)
            if self._in_flight:
                # More answers are likely to come in this turn of the loop: they go in one write.
                self._outbound.delay()
            deliver(frame, seq, then)
            if self._eof and not self._in_flight:
                self.close()

        future.add_done_callback(finish)

    def _deliver(self, frame: bytes, seq: int, then: Callable[[], None] | None) -> None:
        self._outbound.send(frame, seq)
        if then is not None and not self.peer.closed:
            try:
                then()
            except Exception:
                log.exception("what follows an answer to %s failed", self.peer.id)

    def _hear(self, method: str, params: Any) -> None:
        if type(params) is not dict:
            try:
                params = _read_params(params)
            except Fault:
                return
        own = self._notifications.get(method)
        if own is not None:
            own(params)
        elif self._state == _READY and not method.startswith("$/"):
            try:
                self._dispatch.notify(self.peer, method, params)
            except Fault as fault:
                log.info("%s: notification %r refused: %s", self.peer.id, method[:200], fault)
            except Exception:
                log.exception("%s: notification %r failed", self.peer.id, method[:200])

    def _initialize(self, params: dict[str, Any]) -> Reply:
        if self._state != _NEW:
            raise refuse(
                "INVALID_REQUEST", "this connection is initialized already; connect again to change what was said"
            )
        client = params.get("clientInfo")
        if isinstance(client, dict):
            self.peer.client = client
        if params.get("trace") in _TRACES:
            self.peer.trace = params["trace"]
        result = msgspec.json.encode(self._dispatch.initialize(self.peer, params))
        self._state = _READY
        return Reply(result)

    def _shut_down(self, params: dict[str, Any]) -> Reply:
        if self._state != _READY:
            raise self._refuse("shutdown")
        self._state = _SHUT
        return Reply(b"null")

    def _exit(self, params: dict[str, Any]) -> None:
        self.close()

    def _cancel(self, params: dict[str, Any]) -> None:
        message_id = params.get("id")
        if isinstance(message_id, str) or type(message_id) is int:
            flight = self._in_flight.get(message_id)
            if flight is not None:
                _cancel(flight)

    def _set_trace(self, params: dict[str, Any]) -> None:
        if params.get("value") in _TRACES:
            self.peer.trace = params["value"]


class _Batch:
    """The answers of a batch, which go out as one array once the last one is there."""

    __slots__ = ("_answers", "_deliver", "_frames", "_seq", "_thens")

    def __init__(self, answers: int, deliver: Deliver) -> None:
        self._answers = answers
        self._deliver = deliver
        self._frames: list[bytes] = []
        self._seq = 0
        self._thens: list[Callable[[], None]] = []

    def deliver(self, frame: bytes, seq: int, then: Callable[[], None] | None) -> None:
        """Add an answer."""
        self._frames.append(frame)
        self._seq = max(self._seq, seq)
        if then is not None:
            self._thens.append(then)
        if len(self._frames) == self._answers:
            self._deliver(b"[" + b",".join(self._frames) + b"]", self._seq, self._follow if self._thens else None)

    def _follow(self) -> None:
        for then in self._thens:
            then()


def _cancel(flight: Flight) -> None:
    future, pending = flight
    if pending is None or not pending.accepted:
        future.cancel()


def _read_params(params: object) -> dict[str, Any]:
    # Lua knows no difference between an empty object and an empty array.
    if params is None or params == []:
        return {}
    if isinstance(params, list):
        raise refuse("INVALID_PARAMS", "params by position are not understood; send an object with names")
    raise refuse("INVALID_REQUEST", "the params must be an object")


def _answer_error(message_id: MessageId, method: str, params: object, error: Exception) -> bytes:
    """The answer to a request that raised: a fault as it is, anything else as an incident, which the log explains."""
    if isinstance(error, Fault):
        try:
            return fail(message_id, _correlate(error, params))
        except Exception as unsendable:
            error = unsendable
    incident = os.urandom(6).hex()
    log.error("incident %s: %r failed", incident, method[:200], exc_info=error)
    fault = refuse("INTERNAL_ERROR", f"the server failed; its log explains incident {incident}", incident_id=incident)
    return fail(message_id, _correlate(fault, params))


def _correlate(fault: Fault, params: object) -> Fault:
    """Add the request's correlation id to the fault's data where it is missing."""
    correlation_id = params.get("correlation_id") if isinstance(params, dict) else None
    if (
        not isinstance(correlation_id, str)
        or len(correlation_id) > _CORRELATION_LENGTH
        or "correlation_id" in fault.data
    ):
        return fault
    return Fault(fault.code, fault.message, {**fault.data, "correlation_id": correlation_id})
