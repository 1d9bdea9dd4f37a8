"""The kernel: decide → evolve in memory → commit → publish, answer.

Decisions are made one after the other on the loop, each on the state that the ones before it left. Nothing is published
or answered before its commit. A commit that fails refuses its batch and everything decided after it, and the state is
read again from the store.
"""

from __future__ import annotations

import asyncio
import hashlib
import logging
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from typing import Any, TypeVar

import msgspec
from msgspec import Struct

from agentlanes.core.command import Command, Context, Event, Write
from agentlanes.core.decisions import decide
from agentlanes.core.draft import Draft, id_in_use
from agentlanes.core.errors import Refusal
from agentlanes.core.state import State
from agentlanes.crash_points import reached
from agentlanes.kernel.clock import Clock
from agentlanes.kernel.committer import Committer, Entry
from agentlanes.kernel.feed import Feed
from agentlanes.kernel.ports.store import AuditRow, Boot, Store, StoredResponse, StoreUnavailable
from agentlanes.kernel.stamp import Stamp, audit_refusal
from agentlanes.wire.models import Answer, ResponseEnvelope
from agentlanes.wire.table import ENTITIES, METHODS, Method

T = TypeVar("T")

log = logging.getLogger(__name__)
encode = msgspec.json.encode


class Request(Struct, frozen=True):
    """A command before it is decided: what the peer, or an effect, asks for."""

    method: Method
    payload: Any
    context: Context
    actor: str
    correlation_id: str | None = None
    envelope_id: str | None = None
    facts: Any = None
    given: Context | None = None
    """The ids as the client gave them, where `context` was completed: they tell a repeat, also when what they name is
    gone by then."""


class Accepted(Struct, frozen=True):
    """A command that is committed. `response` is the finished JSON of the response envelope."""

    seq: int
    response: bytes
    entity: Any


class Committed(Struct, frozen=True):
    """What listeners hear of each command, in order."""

    events: Sequence[Event]
    writes: Sequence[Write]
    unlogged: Mapping[str, Sequence[Answer]] = {}
    """Secret answers by approval; nothing else has them."""


Listener = Callable[[Committed], None]


class Kernel:
    """Owns the state and the order of events."""

    def __init__(self, store: Store, clock: Clock) -> None:
        boot = store.boot()
        self.server_id = boot.server_id
        self.generation = boot.generation
        self.clock = clock
        self.store = store
        self.state = State()
        self.feed = Feed(store, boot.head)
        self.hear_audit: Callable[[AuditRow], None] = lambda record: None
        self._stamp = Stamp(boot.head, {})
        self._epoch = 0
        self._broken = False
        self._listeners: list[Listener] = []
        self._waiters: list[tuple[Callable[[State], bool], asyncio.Future[None]]] = []
        self._in_flight: dict[str, tuple[bytes, list[asyncio.Future[Accepted]]]] = {}
        self._leaving: dict[tuple[str, str], list[Any]] = {}
        self._closed = False
        self._read(boot)
        self._committer = Committer(store, self._report)

    def _read(self, boot: Boot) -> None:
        self.state = State()
        for noun, id, json in boot.entities:
            self.state.put(noun, id, msgspec.json.decode(json, type=ENTITIES[noun].type))
        self._stamp = Stamp(boot.head, dict(boot.streams))

    async def close(self) -> None:
        """Commits what was accepted and stops."""
        self._closed = True
        await self._committer.close()

    def listen(self, listener: Listener) -> None:
        """Calls `listener` on the loop after every commit, before the command's answer."""
        self._listeners.append(listener)

    @property
    def decided(self) -> int:
        """Position of the newest event that was decided; what was read from `state` is true once it is committed."""
        return self._stamp.seq

    def submit(self, request: Request) -> asyncio.Future[Accepted]:
        """Decides a command now; the future ends when it is committed.

        Raises Refusal when it is not accepted. A repeat of an envelope_id gets the first one's answer.
        """
        repeat = self.find_repeat(request)
        if repeat is not None:
            return repeat
        digest = _digest(request) if request.envelope_id is not None else b""
        self._restore()
        if self._closed:
            raise Refusal("SERVER_STOPPING", "the server is going away; connect again")
        clock = self.clock
        minter = clock.minter()
        command: Command[Any] = Command(
            method=request.method,
            envelope_id=request.envelope_id or minter.mint("envelope"),
            correlation_id=request.correlation_id or minter.mint("correlation"),
            actor=request.actor,
            at=clock.now(),
            context=request.context,
            payload=request.payload,
            minter=minter,
            facts=request.facts,
        )
        try:
            draft = decide(self.state, command)
            self._require_unused(draft)
        except Refusal as refusal:
            if request.method.lifecycle:
                self._record_refusal(command, refusal)
            raise
        # Nothing changes before all is written out: what cannot be encoded leaves no trace.
        entity = _result(command, draft, self.state)
        transaction = self._stamp.transact(command, draft)
        response = encode(
            ResponseEnvelope(
                envelope_id=command.envelope_id,
                correlation_id=command.correlation_id,
                seq=self._stamp.seq,
                payload=_payload(command, draft, entity),
            )
        )
        if request.envelope_id is not None:
            transaction.response = StoredResponse(request.envelope_id, digest, response)
        for event in draft.events:
            self.state.evolve(event)
        leaving = {(row.noun, row.id) for row in transaction.puts if not row.resident}
        self._leave(leaving, draft.events)
        asking: list[asyncio.Future[Accepted]] = [asyncio.get_running_loop().create_future()]
        accepted = Accepted(self._stamp.seq, response, entity)
        committed = Committed(draft.events, draft.writes, draft.unlogged)

        def done(error: StoreUnavailable | None) -> None:
            if request.envelope_id is not None:
                self._in_flight.pop(request.envelope_id, None)
            self._arrive(leaving)
            if error is None:
                reached("publish.before")
                self.feed.publish(transaction.rows)
                for listener in self._listeners:
                    _call(listener, committed)
                for audit in transaction.audits:
                    _call(self.hear_audit, audit)
                reached("publish.after")
            for future in asking:
                if future.done():
                    continue
                if error is None:
                    future.set_result(accepted)
                else:
                    future.set_exception(Refusal("STORE_UNAVAILABLE", f"the log could not be written: {error}"))

        if request.envelope_id is not None:
            self._in_flight[request.envelope_id] = (digest, asking)
        self._committer.add(Entry(transaction, self._epoch, done))
        return asking[0]

    async def perform(
        self, method: str, payload: Struct, *, correlation_id: str | None = None, facts: Any = None, **context: Any
    ) -> Any:
        """Submits a command of an effect and waits for its commit. Returns the entity; raises Refusal."""
        request = Request(
            METHODS[method], payload, Context(**context), "server", correlation_id=correlation_id, facts=facts
        )
        return (await self.submit(request)).entity

    async def until(self, holds: Callable[[State], bool]) -> None:
        """Waits until a condition holds of the committed state. Raises Refusal if what made it hold was not written."""
        while not holds(self.state):
            future: asyncio.Future[None] = asyncio.get_running_loop().create_future()
            self._waiters.append((holds, future))
            await future
        await self.committed()

    async def committed(self) -> None:
        """Waits until what is decided now is on disk. Raises Refusal if it cannot be: what was read is void."""
        self._restore()
        if self._stamp.seq > self.feed.head:
            seq, epoch = self._stamp.seq, self._epoch
            future: asyncio.Future[None] = asyncio.get_running_loop().create_future()
            self._waiters.append((lambda _: self.feed.head >= seq or self._epoch != epoch, future))
            await future
            if self._epoch != epoch:
                raise Refusal("STORE_UNAVAILABLE", "the log could not be written; ask again")

    def find_leaving(self, noun: str, id: str) -> Any | None:
        """An entity that left memory by a decision that is not on disk yet."""
        versions = self._leaving.get((noun, id))
        return versions[-1] if versions else None

    def list_leaving(self, noun: str) -> list[Any]:
        """All of a noun that `find_leaving` finds."""
        return [versions[-1] for (kind, _), versions in self._leaving.items() if kind == noun]

    def _leave(self, keys: set[tuple[str, str]], events: Sequence[Event]) -> None:
        last = {(event.topic.noun, event.id): event.entity for event in events}
        for key in keys:
            self._leaving.setdefault(key, []).append(last[key])

    def _arrive(self, keys: set[tuple[str, str]]) -> None:
        for key in keys:
            versions = self._leaving[key]
            del versions[0]
            if not versions:
                del self._leaving[key]

    def _wake(self) -> None:
        waiters, self._waiters = self._waiters, []
        for holds, future in waiters:
            if future.cancelled():
                continue
            if holds(self.state):
                future.set_result(None)
            else:
                self._waiters.append((holds, future))

    def find_repeat(self, request: Request) -> asyncio.Future[Accepted] | None:
        """The answer of a command that is accepted already: in flight, or stored. Raises Refusal for other content."""
        if request.envelope_id is None:
            return None
        envelope_id, digest = request.envelope_id, _digest(request)
        first = self._in_flight.get(envelope_id)
        if first is not None:
            _require_same(envelope_id, first[0], digest)
            # A future of its own: who gives up waiting gives up for nobody else.
            first[1].append(asyncio.get_running_loop().create_future())
            return first[1][-1]
        try:
            stored = self.store.response(envelope_id)
        except StoreUnavailable as error:
            raise Refusal("STORE_UNAVAILABLE", f"the log could not be read: {error}") from error
        if stored is None:
            return None
        _require_same(envelope_id, stored.digest, digest)
        response = msgspec.json.decode(stored.response, type=ResponseEnvelope)
        future: asyncio.Future[Accepted] = asyncio.get_running_loop().create_future()
        future.set_result(Accepted(response.seq, stored.response, None))
        return future

    def _require_unused(self, draft: Draft) -> None:
        """Ids that clients chose must also be free among the entities that left memory."""
        for noun, id in draft.chosen:
            if not ENTITIES[noun].open_only:
                continue
            try:
                used = (noun, id) in self._leaving or self.store.entity(noun, id) is not None
            except StoreUnavailable as error:
                raise Refusal("STORE_UNAVAILABLE", f"the log could not be read: {error}") from error
            if used:
                raise id_in_use(noun, id)

    def _record_refusal(self, command: Command[Any], refusal: Refusal) -> None:
        transaction = audit_refusal(command, refusal)

        def done(error: StoreUnavailable | None) -> None:
            if error is None:
                _call(self.hear_audit, transaction.audits[0])

        self._committer.add(Entry(transaction, self._epoch, done))

    def _report(self, batch: Sequence[Entry], error: StoreUnavailable | None) -> None:
        if error is not None and batch[-1].epoch == self._epoch:
            log.warning("the log could not be written: %s", error)
            self._epoch += 1
            self._broken = True
        for entry in batch:
            entry.done(error)
        if error is None:
            self.feed.announce()
        else:
            with suppress(Refusal):
                self._restore()
        if self._waiters:
            self._wake()

    def _restore(self) -> None:
        """After a failed commit: the state as it is committed, before anything else is decided."""
        if not self._broken:
            return
        try:
            boot = self.store.load()
        except StoreUnavailable as error:
            raise Refusal("STORE_UNAVAILABLE", f"the log cannot be read: {error}") from error
        self._read(boot)
        self._broken = False
        if boot.head != self.feed.head:
            # The store kept a commit that it said it could not keep. Then it happened, and readers hear of it.
            self.feed.restart(boot.head)
            self.feed.announce()


def _call(listener: Callable[[T], None], news: T) -> None:
    """One listener's fault is nobody else's."""
    try:
        listener(news)
    except Exception:
        log.exception("a listener failed")


def _digest(request: Request) -> bytes:
    content = (
        request.method.name,
        msgspec.structs.astuple(request.payload),
        request.correlation_id,
        request.given or request.context,
    )
    return hashlib.blake2b(encode(content, order="sorted"), digest_size=16).digest()


def _require_same(envelope_id: str, first: bytes, again: bytes) -> None:
    if first != again:
        raise Refusal(
            "ENVELOPE_ID_REUSED",
            f"envelope_id {envelope_id} was used for another command; a new command needs a new one",
            envelope_id=envelope_id,
        )


def _payload(command: Command[Any], draft: Draft, entity: Any) -> Any:
    """What the command is answered with: what it says itself, or its entity."""
    if draft.answer is not None:
        return draft.answer
    return {command.method.result.__struct_fields__[0]: entity} if entity is not None else {}


def _result(command: Command[Any], draft: Draft, state: State) -> Any:
    """The entity that the method answers with: the first of its noun that the command touched, as it is after it."""
    fields = command.method.result.__struct_fields__
    if not fields:
        return None
    noun = fields[0]
    id = next((event.id for event in draft.events if event.topic.noun == noun), None)
    if id is None:
        id = getattr(command.context, f"{noun}_id", None)
        return state.get(noun, id) if id is not None else None
    return next(event.entity for event in reversed(draft.events) if event.topic.noun == noun and event.id == id)
