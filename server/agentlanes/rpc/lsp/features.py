"""The LSP features of one peer, on a pygls server of its own.

Importing this module costs a quarter of a second (lsprotocol builds its classes), so it is imported in a thread when a
peer first needs it. pygls knows LSP's types; it neither keeps documents nor frames nor writes: its answers are taken
from its writer by number.
"""

from __future__ import annotations

import logging
import secrets
from collections.abc import Awaitable, Callable
from typing import Any, TypeVar

import msgspec
from lsprotocol import types
from pygls.exceptions import JsonRpcException
from pygls.lsp.server import LanguageServer

from agentlanes.rpc.contract import name_fault
from agentlanes.rpc.fault import Fault, refuse
from agentlanes.rpc.lsp.actions import offer_decisions, offer_lanes, offer_work
from agentlanes.rpc.lsp.capabilities import ASK, COMMANDS, SEND, SHOW, START
from agentlanes.rpc.lsp.changes import LineChange
from agentlanes.rpc.lsp.client import read_path
from agentlanes.rpc.lsp.documents import OVERVIEW, name_diff, name_screen, name_transcript, read_name
from agentlanes.rpc.lsp.face import Face
from agentlanes.rpc.lsp.suggestions import Excerpt, suggest

P = TypeVar("P")
R = TypeVar("R")

_ENVELOPE = ("correlation_id", "envelope_id", "workspace_id", "lane_id", "session_id", "terminal_id")

log = logging.getLogger(__name__)
# It logs every body, and as errors what we answer as refusals.
logging.getLogger("pygls").setLevel(logging.CRITICAL + 1)


class _Quiet(LanguageServer):
    def report_server_error(self, error: Exception, source: Any) -> None:
        """Nothing is shown to the user: the error is the answer to the request."""


class Features:
    """pygls for one peer. `answer` takes each answer: its number, and a result or an error."""

    def __init__(self, face: Face, answer: Callable[[int, Any, Fault | None], None]) -> None:
        self._face = face
        self._answer = answer
        self._server = _Quiet("agentlanes", face.version)
        self._server.protocol.set_writer(self, include_headers=False)
        self._register()
        self.take({"id": 0, "method": "initialize", "params": face.client.initialize})

    def take(self, message: dict[str, Any]) -> None:
        """One message of the client. Raises Fault where it does not have the shape that LSP gives it."""
        protocol = self._server.protocol
        try:
            structured = protocol.structure_message({"jsonrpc": "2.0", **message})
        except JsonRpcException:
            method = message.get("method")
            raise refuse("INVALID_PARAMS", f"the params of {method} are not as LSP describes them") from None
        protocol.handle_message(structured)

    def write(self, data: bytes) -> None:
        """What pygls says; called by it."""
        told = msgspec.json.decode(data)
        number, error = told.get("id"), told.get("error")
        if type(number) is not int:
            return
        if error is None:
            self._answer(number, told.get("result"), None)
        elif isinstance(error.get("data"), dict) and "code" in error["data"]:
            self._answer(number, None, Fault(error["code"], error["message"], error["data"]))
        else:
            name = "METHOD_NOT_FOUND" if error["code"] == -32601 else "INVALID_PARAMS"
            self._answer(number, None, refuse(name, error["message"]))

    def close(self) -> None:
        """pygls' side of a connection that has ended."""

    def _register(self) -> None:
        server = self._server

        def offer(method: str, handler: Callable[[P], Awaitable[R]]) -> None:
            server.feature(method)(_guard(handler))

        offer(types.TEXT_DOCUMENT_HOVER, self._hover)
        offer(types.TEXT_DOCUMENT_CODE_ACTION, self._list_actions)
        offer(types.TEXT_DOCUMENT_CODE_LENS, self._list_lenses)
        offer(types.WORKSPACE_TEXT_DOCUMENT_CONTENT, self._read_content)
        for name in COMMANDS:
            server.command(name)(_guard_command(self._make_command(name)))
        for name, errand in ((START, self._start), (SEND, self._send), (SHOW, self._show), (ASK, self._ask)):
            server.command(name)(_guard_command(errand))

    async def _hover(self, params: types.HoverParams) -> types.Hover | None:
        path = read_path(params.text_document.uri)
        if path is None:
            return None
        number = params.position.line
        lines = self._face.texts.lines(params.text_document.uri)
        text = lines[number] if number < len(lines) else ""
        face = self._face
        told = [_tell(change) for change in await face.changes.explain_line(face.peer, path, number, text)]
        if not told:
            return None
        return types.Hover(types.MarkupContent(types.MarkupKind.Markdown, "\n\n---\n\n".join(told)))

    async def _list_actions(self, params: types.CodeActionParams) -> list[types.CodeAction]:
        face = self._face
        uri = params.text_document.uri
        place = face.find_place(uri)
        actions = list(offer_decisions(face.attention.list_waiting()))
        if place is not None:
            first, last = params.range.start.line, params.range.end.line
            if last > first and params.range.end.character == 0:
                last -= 1
            excerpt = Excerpt(face.shorten(place), first + 1, last + 1, face.texts.lines(uri)[first : last + 1])
            problems = [str(diagnostic.message) for diagnostic in params.context.diagnostics]
            actions += offer_work(suggest(excerpt, problems, face.list_sessions(place)), uri)
            # What costs a look at each lane is for who asks, not for every move of the cursor.
            if params.context.trigger_kind != types.CodeActionTriggerKind.Automatic:
                actions += offer_lanes(
                    await face.changes.list_lanes(face.peer, place),
                    has_lenses=face.client.can("textDocument", "codeLens"),
                )
        wanted = params.context.only
        return [action for action in actions if wanted is None or any(_is_of(action, str(kind)) for kind in wanted)]

    async def _list_lenses(self, params: types.CodeLensParams) -> list[types.CodeLens]:
        path = read_path(params.text_document.uri)
        if path is None:
            return []
        top = types.Range(types.Position(0, 0), types.Position(0, 0))
        return [
            types.CodeLens(
                range=top,
                command=types.Command(
                    title=f"lane {lane.name}: +{file['additions']} −{file['deletions']}",
                    command=SHOW,
                    arguments=[{"uri": name_diff(lane.lane_id)}],
                ),
            )
            for lane, file in await self._face.changes.list_lanes(self._face.peer, path)
        ]

    async def _read_content(self, params: types.TextDocumentContentParams) -> types.TextDocumentContentResult:
        return types.TextDocumentContentResult(text=await self._face.read_document(params.uri))

    def _make_command(self, method: str) -> Callable[..., Awaitable[Any]]:
        async def run(*arguments: Any) -> Any:
            payload, envelope = _read_command(arguments)
            return await self._face.desk.run(self._face.peer, method, payload, envelope)

        return run

    async def _start(self, *arguments: Any) -> Any:
        payload, envelope = _read_command(arguments)
        made = await self._face.errands.start(self._face.peer, self._face.client, payload, envelope)
        return await self._show_made(made)

    async def _send(self, *arguments: Any) -> Any:
        made = await self._face.errands.send(self._face.peer, *_read_command(arguments))
        return await self._show_made(made)

    async def _show_made(self, made: dict[str, Any]) -> dict[str, Any]:
        # A file would take the place of what the user works on: it is shown when somebody wants to see it.
        if not self._face.opens_files_only:
            await self._face.show_document(made["uri"])
        return made

    async def _show(self, *arguments: Any) -> Any:
        wanted, _ = _read_command(arguments)
        uri = wanted.get("uri")
        if uri is None and isinstance(wanted.get("session_id"), str):
            uri = name_transcript(wanted["session_id"])
        elif uri is None and isinstance(wanted.get("lane_id"), str):
            uri = name_diff(wanted["lane_id"])
        elif uri is None and isinstance(wanted.get("terminal_id"), str):
            uri = name_screen(wanted["terminal_id"])
        elif uri is None and not wanted:
            uri = OVERVIEW
        if not isinstance(uri, str) or read_name(uri) is None:
            message = "agentlanes.show takes a session_id, lane_id, terminal_id or uri of ours, or nothing for the list"
            raise refuse("INVALID_PARAMS", message)
        shown_uri, is_shown = await self._face.show_document(uri)
        if not is_shown:
            self._face.attention.tell_place(read_path(shown_uri) or shown_uri)
        return {"uri": shown_uri, "shown": is_shown}

    async def _ask(self, *arguments: Any) -> Any:
        return {"waiting": self._face.attention.ask_again()}


def _guard(handler: Callable[[P], Awaitable[R]]) -> Callable[[P], Awaitable[R]]:
    async def guarded(params: P) -> R:
        try:
            return await handler(params)
        except Exception as error:
            raise _convert(error) from None

    return guarded


def _guard_command(handler: Callable[..., Awaitable[Any]]) -> Callable[..., Awaitable[Any]]:
    async def guarded(*arguments: Any) -> Any:
        try:
            return await handler(*arguments)
        except Exception as error:
            raise _convert(error) from None

    return guarded


def _convert(error: Exception) -> JsonRpcException:
    if not isinstance(error, Fault):
        incident = secrets.token_hex(6)
        log.error("incident %s: an LSP feature failed", incident, exc_info=error)
        message = f"the server failed; its log explains incident {incident}"
        error = name_fault("INTERNAL_ERROR", message, incident_id=incident)
    return JsonRpcException(error.message, error.code, error.data)


def _read_object(argument: Any) -> dict[str, Any]:
    if argument is None or argument == []:
        return {}
    if not isinstance(argument, dict):
        raise refuse("INVALID_PARAMS", "a command's arguments are objects: the payload, then the envelope's ids")
    return argument


def _read_command(arguments: tuple[Any, ...]) -> tuple[dict[str, Any], dict[str, Any]]:
    """A command's payload, and what its envelope shall say."""
    payload, envelope = (*(dict(_read_object(argument)) for argument in arguments[:2]), {}, {})[:2]
    unknown = sorted(set(envelope) - set(_ENVELOPE))
    if unknown:
        known = ", ".join(_ENVELOPE)
        raise refuse("INVALID_PARAMS", f"{unknown[0]} is none of the envelope's keys, which are {known}")
    return payload, envelope


def _is_of(action: types.CodeAction, kind: str) -> bool:
    """Whether an action is of a kind, or of one below it."""
    own = str(action.kind.value if isinstance(action.kind, types.CodeActionKind) else action.kind)
    return kind == "" or own == kind or own.startswith(f"{kind}.")


def _tell(change: LineChange) -> str:
    lines = [f"**{change.lane.name}** · lane · {change.lane.provider_profile} · `{change.lane.branch}`"]
    if change.turn is not None:
        prompt = " ".join(change.turn["prompt"].split())[:200]
        lines.append(f"by the turn “{prompt}” ({change.turn['status']})")
    diff = [*_mark("-", change.removed), *_mark("+", change.added)]
    return "\n\n".join([*lines, "```diff\n" + "\n".join(diff[:40]) + "\n```"])


def _mark(sign: str, text: str) -> list[str]:
    return [f"{sign}{line}" for line in text.split("\n")] if text else []
