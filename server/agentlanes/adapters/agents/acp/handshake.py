"""From the agent's start to an open session: initialize, then a new or an old session, then its settings."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import msgspec

from agentlanes.adapters.agents.acp.introduction import (
    Introduction,
    can_resume,
    introduce,
    read_introduction,
    read_protocol,
)
from agentlanes.adapters.agents.acp.offers import MODE, SET_MODE, Offers, read_change, write_change
from agentlanes.adapters.agents.acp.quirks import Quirks, read_quirks
from agentlanes.adapters.agents.acp.wishes import UnavailableError, describe_change_refusal, find_changes
from agentlanes.adapters.agents.dialogue import refusals
from agentlanes.adapters.agents.dialogue.frames import bound_text, bound_value
from agentlanes.adapters.agents.dialogue.outbox import INVALID_PARAMS, METHOD_NOT_FOUND, Outbox
from agentlanes.adapters.agents.dialogue.refusals import DETAILS_CAP
from agentlanes.kernel.ports.agents import AgentView, Attached, Launch
from agentlanes.wire.models import AgentWrite, Problem, Session, SessionOrigin

AUTH_REQUIRED = -32000
"""Code of the ACP schema for an agent that wants its user to log in."""
UNSUPPORTED_VERSION = -32022
"""Code of version 2 for an agent that does not speak the version it was asked for."""
_ID_CAP = 512
_OPENING_METHODS = ("session/new", "session/resume", "session/load", "session/fork")
_REMEMBERED = ("available_commands_update", "config_option_update", "current_mode_update")
"""Updates that may come before the answer which opens their session."""
HIDDEN = "(in no log)"
_LISTENING_CAP = 200
"""Times that an agent which replays late is asked whether it has something more to tell."""


class Handshake:
    """Asks one thing at a time. Its memory is what was asked (the writes) and what was answered (the frames)."""

    def __init__(self, launch: Launch, version: str, offers: Offers) -> None:
        self._launch = launch
        self._version = version
        self._offers = offers
        self._asked: dict[int, str] = {}
        self._answered: set[int] = set()
        self._awaited: int | None = None
        self._introduction: Introduction | None = None
        self._old_id: str | None = None
        self._resume_unknown = False
        self._servers: list[dict[str, object]] | None = None
        """The MCP servers with their secrets, where they have any."""
        self._early: dict[str, tuple[object, dict[str, Any]]] = {}
        self._permission_mode = "supervised"
        self._changes: dict[int, tuple[str, str]] = {}
        """Settings and values by the requests that ask for them."""
        self._listening = 0
        self._heard = False
        self.quirks = Quirks()
        self.agent_session_id: str | None = None
        self.settled: Attached | Problem | None = None

    @property
    def protocol(self) -> int:
        """Version of ACP that is spoken."""
        return 1 if self._introduction is None else self._introduction.protocol

    def restore(self, writes: Sequence[AgentWrite]) -> None:
        """Take back what was asked. The frames from the start on bring back what was answered."""
        for write in writes:
            message = msgspec.json.decode(write.data)
            method = message.get("method")
            if "id" not in message or type(method) is not str:
                continue
            self._asked[write.n] = method
            self._awaited = write.n
            if (change := read_change(method, message["params"])) is not None:
                self._changes[write.n] = change
            if method in _OPENING_METHODS:
                self._old_id = message["params"].get("sessionId") if method != "session/fork" else None

    def recall(self, session: Session) -> int:
        """The version of ACP of a session that is open, after a restart."""
        self._take_quirks(session.identity.name if session.identity is not None else None)
        return read_protocol(session.identity)

    def follow(self, view: AgentView, outbox: Outbox) -> None:
        """Ask what is next, unless an answer is awaited or all is settled."""
        self._permission_mode = view.permission_mode
        if self.settled is not None or self._awaited is not None:
            return
        if self._introduction is None:
            self._begin(outbox)
        elif self.agent_session_id is None:
            self._open(view, outbox, self._introduction)
        elif self._is_to_listen():
            self._listen(outbox, self.agent_session_id)
        else:
            self._settle(view, outbox, self._introduction, self.agent_session_id)

    def receive(self, n: int, result: Any, error: dict[str, Any] | None) -> bool:
        """Take in the answer to request `n`; False if it was not asked here."""
        method = self._asked.get(n)
        if method is None:
            return False
        if self._awaited == n:
            self._awaited = None
        if self.settled is not None or n in self._answered:
            return True
        self._answered.add(n)
        if method == "initialize":
            self._take_introduction(n, result, error)
        elif method in _OPENING_METHODS:
            self._take_session(method, result, error)
        elif n in self._changes:
            self._take_change(*self._changes[n], result, error)
        return True

    def knows(self, n: int) -> bool:
        """Whether request `n` was asked here, or by a server before this one."""
        return n in self._asked

    def hear(self, session_id: object, update: dict[str, Any]) -> None:
        """An update before the session is open: what it offers is kept, and of an old conversation only that it is
        told; the log has that already."""
        kind = update.get("sessionUpdate")
        if kind in _REMEMBERED and self.agent_session_id is not None:
            if session_id == self.agent_session_id:
                take_offer(self._offers, update)
        elif kind in _REMEMBERED:
            self._early[str(kind)] = session_id, update
        else:
            self._heard = True

    def _take_quirks(self, name: str | None) -> None:
        try:
            self.quirks = read_quirks(name, self._launch.quirks)
        except ValueError as error:
            self.settled = Problem(
                code="CONFIG_INVALID", message=f"the profile's quirks are wrong: {error}", details={"agent": name}
            )

    def _ask(self, outbox: Outbox, method: str, params: dict[str, Any]) -> None:
        secret = self._servers is not None and method in _OPENING_METHODS
        unlogged = {**params, "mcpServers": self._servers} if secret else None
        n = self._awaited = outbox.request(method, params, unlogged)
        self._asked[n] = method
        if (change := read_change(method, params)) is not None:
            self._changes[n] = change

    def _begin(self, outbox: Outbox) -> None:
        self._take_quirks(None)
        if self.settled is None:
            # An agent that refuses a version that it does not know, and should have named its own, is asked for 1.
            protocol = 1 if self._asked else self.quirks.protocol
            self._ask(outbox, "initialize", introduce(protocol, self._version))

    def _take_introduction(self, n: int, result: Any, error: dict[str, Any] | None) -> None:
        introductions = [number for number, method in self._asked.items() if method == "initialize"]
        is_first = n == introductions[0]
        self._take_quirks(None)
        asked = self.quirks.protocol if is_first else 1
        if error is not None:
            if asked == 1 or error.get("code") not in (UNSUPPORTED_VERSION, INVALID_PARAMS):
                self.settled = describe_refusal("initialize", error)
            return
        introduction = read_introduction(result, asked) if isinstance(result, dict) else None
        if introduction is None:
            version = result.get("protocolVersion") if isinstance(result, dict) else None
            self.settled = Problem(
                code="AGENT_PROTOCOL_ERROR",
                message=f"the agent answers initialize with protocol version {bound_text(repr(version), 100)}, and "
                f"this driver speaks the versions 1 to {asked} of ACP; start the agent in a mode that speaks one of "
                f"them, or take a release that does",
                details={"answer": bound_value(result, DETAILS_CAP)},
            )
            return
        self._introduction = introduction
        self._take_quirks(introduction.name)
        self._offers.begin(self.quirks, steer=introduction.steers, fork=introduction.forks)

    def _open(self, view: AgentView, outbox: Outbox, introduction: Introduction) -> None:
        refused = next(_find_refused_servers(self._launch.mcp_servers, introduction), None)
        if refused is not None:
            self.settled = refused
            return
        servers = [_write_server(server, introduction.protocol) for server in self._launch.mcp_servers]
        self._servers = servers if any(server.get("env") or server.get("headers") for server in servers) else None
        where: dict[str, object] = {"cwd": view.cwd, "mcpServers": [_hide_secrets(server) for server in servers]}
        session, origin = view.session, view.session.origin
        self._old_id = session.agent_session_id if session.listed else None
        if origin is not None and origin.kind == "adopt":
            # It was begun outside, so it has something to lose before its first prompt here.
            self._old_id = session.agent_session_id or origin.agent_session_id
        if self._old_id is None and origin is not None and origin.kind == "fork":
            self._fork(origin, where, outbox, introduction)
        elif self._old_id is None:
            # A session that was never prompted has nothing to lose, and many agents store none without a prompt.
            self._ask(outbox, "session/new", where)
        elif can_resume(introduction, self.quirks) and not self._resume_unknown:
            self._ask(outbox, "session/resume", {"sessionId": self._old_id, **where})
        elif introduction.loads:
            self._ask(outbox, "session/load", {"sessionId": self._old_id, **where})
        else:
            self.settled = Problem(
                code="RESUME_FAILED",
                message="this agent cannot continue a conversation in a new process; nothing fresh was started in its "
                "place. Make a new session to go on; what was said stays readable here",
                details={"agent_session_id": self._old_id},
            )

    def _fork(
        self, origin: SessionOrigin, where: dict[str, object], outbox: Outbox, introduction: Introduction
    ) -> None:
        if origin.agent_session_id is not None and introduction.forks and origin.agent_turn_id is None:
            self._ask(outbox, "session/fork", {"sessionId": origin.agent_session_id, **where})
            return
        self.settled = Problem(
            code="RESUME_FAILED",
            message="this agent cannot fork the conversation there; nothing fresh was started in its place. A handover "
            "tells a new agent what was done",
            details={"agent_session_id": origin.agent_session_id, "agent_turn_id": origin.agent_turn_id},
        )

    def _take_session(self, method: str, result: Any, error: dict[str, Any] | None) -> None:
        opened = result if isinstance(result, dict) else {}
        if error is not None:
            self._take_refusal(method, error)
            return
        session_id = self._old_id if self._old_id is not None else opened.get("sessionId")
        if type(session_id) is not str or not 0 < len(session_id) <= _ID_CAP:
            self.settled = Problem(
                code="AGENT_PROTOCOL_ERROR",
                message=f"the agent answers {method} without a sessionId of 1 to {_ID_CAP} characters, which ACP "
                f"requires; try another release of the agent",
                details={"answer": bound_value(result, DETAILS_CAP)},
            )
            return
        self.agent_session_id = session_id
        self._offers.take_opened(opened)
        for told, update in self._early.values():
            if told == session_id:
                take_offer(self._offers, update)
        self._early.clear()
        self._heard = method == "session/load" and self.quirks.replays_late

    def _is_to_listen(self) -> bool:
        return self._heard and self._listening < _LISTENING_CAP

    def _listen(self, outbox: Outbox, session_id: str) -> None:
        """Ask for what is so already. If old news come before the answer, there may be more of them."""
        self._listening += 1
        self._heard = False
        setting = self._offers.find("mode")
        mode = setting.value if setting is not None and setting.setting_id == MODE else None
        if mode is not None:
            self._ask(outbox, SET_MODE, {"sessionId": session_id, "modeId": mode})

    def _settle(self, view: AgentView, outbox: Outbox, introduction: Introduction, session_id: str) -> None:
        asked = self._changes.values()
        try:
            changes = find_changes(self._offers, self._launch, view, fresh=self._old_id is None)
            change = next((change for change in changes if (change.setting_id, change.value) not in asked), None)
        except UnavailableError as missing:
            self.settled = missing.problem
            return
        if change is not None:
            self._ask(outbox, *write_change(change.setting_id, change.value, session_id, introduction.protocol))
            return
        resumable = can_resume(introduction, self.quirks) or introduction.loads
        self.settled = Attached(
            session_id, resumable=resumable, offer=self._offers.offer, identity=introduction.identity()
        )
        self._offers.changed = False

    def _take_change(self, setting_id: str, value: str, result: Any, error: dict[str, Any] | None) -> None:
        if error is None:
            take_change(self._offers, setting_id, value, result)
        else:
            self.settled = describe_change_refusal(self._offers, setting_id, value, error)

    def _take_refusal(self, method: str, error: dict[str, Any]) -> None:
        logins = () if self._introduction is None else self._introduction.logins
        loads = self._introduction is not None and self._introduction.loads
        if method == "session/resume" and error.get("code") == METHOD_NOT_FOUND and loads:
            self._resume_unknown = True
        elif error.get("code") == AUTH_REQUIRED:
            how = f" ({', '.join(logins)})" if logins else ""
            self.settled = Problem(
                code="AGENT_REFUSED",
                message=f"the agent wants its user to log in first{how}: start it once in a terminal and log in there, "
                f"or give it its key through env or env_pass of the profile; then attach the session again",
                details={"error": bound_value(error, DETAILS_CAP), "logins": list(logins)},
            )
        elif method == "session/new":
            self.settled = describe_refusal(method, error)
        else:
            verb = "fork" if method == "session/fork" else "continue"
            self.settled = refusals.describe_lost_conversation(self._old_id, error, verb)


def take_offer(offers: Offers, update: dict[str, Any]) -> None:
    """An update about what the agent offers."""
    match update.get("sessionUpdate"):
        case "available_commands_update":
            offers.take_commands(update.get("availableCommands"))
        case "config_option_update":
            offers.take_options(update.get("configOptions"))
        case "current_mode_update" if type(update.get("currentModeId")) is str:
            offers.take_mode(update["currentModeId"])


def take_change(offers: Offers, setting_id: str, value: str, result: Any) -> None:
    """A setting was changed; agents may tell all their settings then."""
    offers.take_value(setting_id, value)
    if isinstance(result, dict):
        offers.take_options(result.get("configOptions"))


def describe_refusal(method: str, error: dict[str, Any]) -> Problem:
    """The problem behind an error that the agent answered with."""
    hint = "log in to the agent in a terminal, then try again" if error.get("code") == AUTH_REQUIRED else ""
    return refusals.describe_refusal(method, error, hint)


def _find_refused_servers(servers: Sequence[Mapping[str, Any]], introduction: Introduction) -> Iterator[Problem]:
    """What is wrong with the MCP servers: an agent that does not speak to one would work without its tools."""
    offered = {"stdio", *(["http"] if introduction.http else []), *(["sse"] if introduction.sse else [])}
    for server in servers:
        kind = server.get("type", "stdio")
        if kind not in offered:
            yield Problem(
                code="AGENT_REFUSED",
                message=f"the MCP server {server.get('name')} is reached by {kind}, and this agent reaches servers by "
                f"{', '.join(sorted(offered))}; take it out of the profile, or give it in one of these ways",
                details={"server": server.get("name"), "type": kind, "offered": sorted(offered)},
            )


def _hide_secrets(server: dict[str, object]) -> dict[str, object]:
    """A server as it is recorded: without the values of its variables and headers."""
    hidden = dict(server)
    for key in ("env", "headers"):
        pairs = server.get(key)
        if isinstance(pairs, list):
            hidden[key] = [{**pair, "value": HIDDEN} for pair in pairs if isinstance(pair, dict)]
    return hidden


def _write_server(server: Mapping[str, Any], protocol: int) -> dict[str, object]:
    """A server in the words of the version: a process has no type in the first, and all its lists are required."""
    kind = server.get("type", "stdio")
    if kind != "stdio":
        return {"headers": [], **server}
    process: dict[str, object] = {
        "args": [],
        "env": [],
        **{key: value for key, value in server.items() if key != "type"},
    }
    return process if protocol == 1 else {"type": "stdio", **process}
