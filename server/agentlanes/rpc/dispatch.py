"""From a request to its answer: the method's row → the schema → an observation, if the row names one → the kernel, a
view, or a stream."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import msgspec
from msgspec import Struct

from agentlanes.core.command import Context
from agentlanes.core.errors import Refusal
from agentlanes.kernel.agents import Agents
from agentlanes.kernel.clock import Clock
from agentlanes.kernel.environments import Environments
from agentlanes.kernel.kernel import Accepted, Kernel, Request
from agentlanes.kernel.metrics import Metrics
from agentlanes.kernel.observers import Asking, Observers
from agentlanes.kernel.reactors.harness import Watch
from agentlanes.kernel.views import Views
from agentlanes.rpc.connection import Connections, name_client
from agentlanes.rpc.contract import ENVELOPE_IDS, Contract, name_fault
from agentlanes.rpc.fault import Fault, refuse_method
from agentlanes.rpc.peer import Peer
from agentlanes.rpc.ports import Answer, Pending, Reply
from agentlanes.rpc.terminals import Terminals
from agentlanes.wire.models import Empty, ResponseEnvelope
from agentlanes.wire.table import ALIASES, DEFERRED, METHODS, Method

Handler = Callable[[Peer, Context, Any], Any]
"""Answers a query or a stream method: a payload, an awaitable of one, or a payload with what follows its answer."""


class Dispatcher:
    """The dispatch of all endpoints of one server."""

    def __init__(
        self,
        kernel: Kernel,
        observers: Observers,
        views: Views,
        agents: Agents,
        metrics: Metrics,
        harness: Watch,
        terminals: Terminals,
        connections: Connections,
        environments: Environments,
        clock: Clock,
        stop: Callable[[], None],
    ) -> None:
        self._kernel = kernel
        self._observers = observers
        self._terminals = terminals
        self._connections = connections
        self._environments = environments
        self._clock = clock
        self._contract = Contract()
        self.initialize = connections.initialize
        self.describe_gap = connections.describe_gap

        def stop_server(peer: Peer, context: Context, payload: Any) -> tuple[Struct, Callable[[], None]]:
            return Empty(), stop

        def unsubscribe(peer: Peer, context: Context, payload: Any) -> Struct:
            connections.unsubscribe(peer)
            return Empty()

        self._handlers: dict[str, Handler] = {
            "protocol.describe": lambda peer, context, payload: connections.describe(),
            "server.status": lambda peer, context, payload: connections.status(),
            "server.stop": stop_server,
            "event.subscribe": lambda peer, context, payload: connections.subscribe(peer, payload),
            "event.unsubscribe": unsubscribe,
            "profile.list": lambda peer, context, payload: agents.list_profiles(),
            "profile.get": lambda peer, context, payload: agents.get_profile(payload),
            "agent.list": lambda peer, context, payload: agents.list_agents(kernel.state, peer.env),
            "agent.options": lambda peer, context, payload: agents.get_options(payload, kernel.state),
            "agent.get": lambda peer, context, payload: agents.get_agent(payload, kernel.state, peer.env),
            "harness.status.get": lambda peer, context, payload: harness.get(payload),
            "process.read": lambda peer, context, payload: terminals.read_process(payload),
            "terminal.read": lambda peer, context, payload: terminals.read(context, payload),
            "terminal.render": lambda peer, context, payload: terminals.render(context, payload),
            "renderer.capabilities": lambda peer, context, payload: terminals.tell_capabilities(context),
            "terminal.attach": terminals.attach,
            "terminal.detach": lambda peer, context, payload: terminals.detach(peer, context),
            "terminal.ack": terminals.ack,
            "terminal.input": terminals.input,
            "terminal.resize": terminals.resize,
            "terminal.signal": lambda peer, context, payload: terminals.signal(context, payload),
        }
        for method, view in views.by_method.items():
            self._handlers[method] = _without_peer(view)
        for method in ("agent.list", "agent.get"):
            self._handlers[method] = _with_health(self._handlers[method], metrics)

    def close(self, peer: Peer) -> None:
        """The peer is gone."""
        self._terminals.forget(peer)
        self._connections.close(peer)

    def notify(self, peer: Peer, method: str, params: dict[str, Any]) -> None:
        """Stream methods may come as notifications; nothing is answered, so nothing else is taken."""
        row = METHODS.get(method)
        if row is not None and row.kind == "stream":
            answer = self.call(peer, method, params)
            if isinstance(answer, Awaitable):
                task = asyncio.ensure_future(answer)
                task.add_done_callback(lambda done: done.cancelled() or done.exception())

    def call(self, peer: Peer, method: str, params: dict[str, Any]) -> Answer:
        """Answers a request."""
        row = METHODS.get(ALIASES.get(method, method))
        if row is None or row.kind == "internal":
            if method in DEFERRED:
                raise name_fault(
                    "METHOD_NOT_SUPPORTED", f"{method} is not offered: {DEFERRED[method]}", instead=DEFERRED[method]
                )
            raise refuse_method(method)
        params = self._contract.check(row, params)
        correlation_id = params.get("correlation_id")
        try:
            context = self._complete(row, params)
            # Not strict, because to the schema 80.0 is an integer.
            payload = msgspec.convert(params["payload"], row.params, strict=False)
            if row.kind == "command":
                return self._command(peer, row, context, payload, params)
            return self._query(peer, row, context, payload, params)
        except Refusal as refusal:
            raise _fault(refusal, correlation_id) from None

    def _complete(self, row: Method, params: dict[str, Any]) -> Context:
        """The envelope's ids, with those above the one that is named; refuses ids that do not belong together."""
        given = {name: params[name] for name in ENVELOPE_IDS if name in params}
        for name in reversed(ENVELOPE_IDS):
            if name not in given or name == "workspace_id":
                continue
            entity = self._kernel.state.get(name.removesuffix("_id"), given[name])
            if entity is None:
                continue
            for above in ENVELOPE_IDS[: ENVELOPE_IDS.index(name)]:
                actual = getattr(entity, above, None)
                if actual is None:
                    continue
                if given.setdefault(above, actual) != actual:
                    raise Refusal(
                        "CONTEXT_MISMATCH",
                        f"{name} {given[name]} belongs to {above} {actual}, not to {given[above]}",
                        **{name: given[name], above: actual},
                    )
        return Context(**given)

    def _command(self, peer: Peer, row: Method, context: Context, payload: Any, params: dict[str, Any]) -> Answer:
        correlation_id = params.get("correlation_id")
        if correlation_id is not None:
            self._environments.remember(correlation_id, peer.env, getattr(payload, "env", None))
        request = Request(
            method=row,
            payload=payload,
            context=context,
            actor=f"client/{name_client(peer)}",
            correlation_id=correlation_id,
            envelope_id=params.get("envelope_id"),
            given=Context(**{name: params[name] for name in ENVELOPE_IDS if name in params}),
        )
        if row.observe is None:
            return self._answer(self._kernel.submit(request), correlation_id)
        pending = Pending(self._observe_and_submit(peer, request, lambda: accept()))

        def accept() -> None:
            pending.accepted = True

        return pending

    async def _observe_and_submit(self, peer: Peer, request: Request, accept: Callable[[], None]) -> Reply:
        assert request.method.observe is not None
        try:
            # A repeat is answered whatever the world looks like by now.
            repeat = self._kernel.find_repeat(request)
            if repeat is not None:
                return _reply(await repeat)
            facts = await self._observers.observe(
                request.method.observe, self._kernel.state, Asking(request.context, request.payload, peer.env)
            )
            future = self._kernel.submit(msgspec.structs.replace(request, facts=facts))
            accept()
            return _reply(await future)
        except Refusal as refusal:
            raise _fault(refusal, request.correlation_id) from None

    def _answer(self, future: asyncio.Future[Accepted], correlation_id: str | None) -> Answer:
        """The kernel's answer as the endpoint takes it, without a task of its own."""
        answer: asyncio.Future[Reply] = asyncio.get_running_loop().create_future()

        def finish(done: asyncio.Future[Accepted]) -> None:
            if answer.cancelled():
                return
            error = done.exception()
            if error is None:
                answer.set_result(_reply(done.result()))
            else:
                answer.set_exception(_fault(error, correlation_id) if isinstance(error, Refusal) else error)

        future.add_done_callback(finish)
        return Pending(answer, accepted=True)

    def _query(self, peer: Peer, row: Method, context: Context, payload: Any, params: dict[str, Any]) -> Answer:
        kernel = self._kernel
        seq = kernel.decided
        shown = self._handlers[row.name](peer, context, payload)
        if not isinstance(shown, Awaitable) and (seq == kernel.feed.head or row.kind == "stream"):
            return self._show(shown, seq, params)
        return self._wait(shown, seq, params)

    async def _wait(self, shown: Any, seq: int, params: dict[str, Any]) -> Reply:
        try:
            if isinstance(shown, Awaitable):
                shown = await shown
            await self._kernel.committed()
        except Refusal as refusal:
            raise _fault(refusal, params.get("correlation_id")) from None
        return self._show(shown, seq, params)

    def _show(self, shown: Any, seq: int, params: dict[str, Any]) -> Reply:
        then = None
        if isinstance(shown, tuple):
            shown, then = shown
        envelope = ResponseEnvelope(
            envelope_id=params.get("envelope_id") or self._clock.mint("envelope"),
            correlation_id=params.get("correlation_id") or self._clock.mint("correlation"),
            seq=seq,
            payload=shown,
        )
        return Reply(msgspec.json.encode(envelope), seq, then)


def _with_health(handler: Handler, metrics: Metrics) -> Handler:
    return lambda peer, context, payload: metrics.complete(handler(peer, context, payload))


def _without_peer(view: Callable[[Context, Any], Any]) -> Handler:
    return lambda peer, context, payload: view(context, payload)


def _reply(accepted: Accepted) -> Reply:
    return Reply(accepted.response, accepted.seq)


def _fault(refusal: Refusal, correlation_id: str | None) -> Fault:
    # The details of some refusals name the correlation themselves.
    return name_fault(refusal.code, refusal.message, **{"correlation_id": correlation_id, **refusal.details})
