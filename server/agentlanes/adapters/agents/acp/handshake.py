"""From the agent's start to an open session: initialize, then a new or an old session, then the profile's settings."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec

from agentlanes import __name__ as client_name
from agentlanes.adapters.agents.acp.settings import SETTING_METHODS, Setting, find_settings
from agentlanes.adapters.agents.dialogue import refusals
from agentlanes.adapters.agents.dialogue.frames import bound_text, bound_value, show_error
from agentlanes.adapters.agents.dialogue.outbox import METHOD_NOT_FOUND, Outbox
from agentlanes.adapters.agents.dialogue.refusals import DETAILS_CAP
from agentlanes.kernel.ports.agents import AgentView, Attached, Launch
from agentlanes.wire.models import AgentWrite, Offer, Problem, SessionOrigin

PROTOCOL_VERSION = 1
AUTH_REQUIRED = -32000
"""Code of the ACP schema for an agent that wants its user to log in."""
_ID_CAP = 512
_OPENING_METHODS = ("session/new", "session/fork", "session/resume", "session/load")


class Handshake:
    """Asks one thing at a time. Its memory is what was asked (the writes) and what was answered (the frames)."""

    def __init__(self, launch: Launch, version: str) -> None:
        self._launch = launch
        self._version = version
        self._asked: dict[int, str] = {}
        self._awaited: int | None = None
        self._capabilities: dict[str, Any] | None = None
        self._logins: tuple[str, ...] = ()
        self._old_id: str | None = None
        self._resume_unknown = False
        self._settings: list[Setting] = []
        self.agent_session_id: str | None = None
        self.settled: Attached | Problem | None = None

    def restore(self, writes: Sequence[AgentWrite]) -> None:
        """Take back what was asked. The frames from the start on bring back what was answered."""
        for write in writes:
            message = msgspec.json.decode(write.data)
            method = message.get("method")
            if "id" not in message or method not in ("initialize", *_OPENING_METHODS, *SETTING_METHODS):
                continue
            self._asked[write.n] = method
            self._awaited = write.n
            if method in _OPENING_METHODS and method != "session/fork":
                self._old_id = message["params"].get("sessionId")

    def follow(self, view: AgentView, outbox: Outbox) -> None:
        """Ask what is next, unless an answer is awaited or all is settled."""
        if self.settled is not None or self._awaited is not None:
            return
        if not self._asked:
            self._ask(outbox, "initialize", self._introduce())
        elif self.agent_session_id is None:
            self._open(view, outbox)
        else:
            setting = self._settings[len(self._settings_asked())]
            assert setting.method is not None
            self._ask(outbox, setting.method, {"sessionId": self.agent_session_id, **setting.params})

    def receive(self, n: int, result: Any, error: dict[str, Any] | None) -> bool:
        """Take in the answer to request `n`; False if it was not asked here."""
        method = self._asked.get(n)
        if method is None:
            return False
        if self._awaited == n:
            self._awaited = None
        if self.settled is not None:
            return True
        if method == "initialize":
            self._take_introduction(result, error)
        elif method in _OPENING_METHODS:
            self._take_session(method, result, error)
        else:
            self._take_setting(self._settings_asked().index(n), error)
        return True

    def _ask(self, outbox: Outbox, method: str, params: dict[str, object]) -> None:
        self._awaited = outbox.request(method, params)
        self._asked[self._awaited] = method

    def _settings_asked(self) -> list[int]:
        return [n for n, method in self._asked.items() if method in SETTING_METHODS]

    def _introduce(self) -> dict[str, object]:
        # No file system and no terminal: an agent works in its lane itself, where the runner sees what it starts.
        return {
            "protocolVersion": PROTOCOL_VERSION,
            "clientCapabilities": {"fs": {"readTextFile": False, "writeTextFile": False}, "terminal": False},
            "clientInfo": {"name": client_name, "title": client_name, "version": self._version},
        }

    def _take_introduction(self, result: Any, error: dict[str, Any] | None) -> None:
        if error is not None:
            self.settled = describe_refusal("initialize", error)
            return
        version = result.get("protocolVersion") if isinstance(result, dict) else None
        if version != PROTOCOL_VERSION or type(version) is not int:
            self.settled = Problem(
                code="AGENT_PROTOCOL_ERROR",
                message=f"the agent answers initialize with protocol version {bound_text(repr(version), 100)}, and "
                f"this driver speaks ACP version {PROTOCOL_VERSION}; start the agent in a mode that speaks it, or "
                f"take a release that does",
                details={"answer": bound_value(result, DETAILS_CAP)},
            )
            return
        capabilities, logins = result.get("agentCapabilities"), result.get("authMethods")
        self._capabilities = capabilities if isinstance(capabilities, dict) else {}
        self._logins = tuple(
            bound_text(str(login.get("name") or login.get("id")), 200)
            for login in (logins[:20] if isinstance(logins, list) else [])
            if isinstance(login, dict)
        )

    def _can(self, capability: str) -> bool:
        assert self._capabilities is not None
        capabilities = self._capabilities.get("sessionCapabilities")
        return isinstance(capabilities, dict) and isinstance(capabilities.get(capability), dict)

    def _can_resume(self) -> bool:
        return self._can("resume")

    def _can_load(self) -> bool:
        assert self._capabilities is not None
        return self._capabilities.get("loadSession") is True

    def _open(self, view: AgentView, outbox: Outbox) -> None:
        where: dict[str, object] = {"cwd": view.cwd, "mcpServers": []}
        # A session that was never prompted has nothing to lose, and many agents store none without a prompt.
        self._old_id = view.session.agent_session_id if view.session.listed else None
        origin = view.session.origin
        if self._old_id is None and origin is not None and origin.kind == "fork":
            self._fork(origin, where, outbox)
        elif self._old_id is None:
            self._ask(outbox, "session/new", where)
        elif self._can_resume() and not self._resume_unknown:
            self._ask(outbox, "session/resume", {"sessionId": self._old_id, **where})
        elif self._can_load():
            self._ask(outbox, "session/load", {"sessionId": self._old_id, **where})
        else:
            self.settled = Problem(
                code="RESUME_FAILED",
                message="this agent cannot continue a conversation in a new process; nothing fresh was started in its "
                "place. Make a new session to go on; what was said stays readable here",
                details={"agent_session_id": self._old_id},
            )

    def _fork(self, origin: SessionOrigin, where: dict[str, object], outbox: Outbox) -> None:
        if self._can("fork") and origin.agent_turn_id is None:
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
        fresh = method == "session/new"
        self._settings = find_settings(self._launch.mode, self._launch.model, opened, fresh=fresh)
        self._settle_settings()

    def _take_refusal(self, method: str, error: dict[str, Any]) -> None:
        if method == "session/resume" and error.get("code") == METHOD_NOT_FOUND and self._can_load():
            self._resume_unknown = True
        elif error.get("code") == AUTH_REQUIRED:
            how = f" ({', '.join(self._logins)})" if self._logins else ""
            self.settled = Problem(
                code="AGENT_REFUSED",
                message=f"the agent wants its user to log in first{how}: start it once in a terminal and log in there, "
                f"or give it its key through env or env_pass of the profile; then attach the session again",
                details={"error": bound_value(error, DETAILS_CAP), "logins": list(self._logins)},
            )
        elif method == "session/new":
            self.settled = describe_refusal(method, error)
        else:
            verb = "fork" if method == "session/fork" else "continue"
            self.settled = refusals.describe_lost_conversation(self._old_id, error, verb)

    def _take_setting(self, index: int, error: dict[str, Any] | None) -> None:
        if index >= len(self._settings):
            return
        setting = self._settings[index]
        if error is not None:
            self._refuse_setting(setting, f"the agent refused ({show_error(error)})", error)
        else:
            self._settle_settings(index + 1)

    def _settle_settings(self, done: int = 0) -> None:
        if done < len(self._settings):
            if self._settings[done].method is None:
                self._refuse_setting(self._settings[done], "the agent offers no choice")
            return
        assert self.agent_session_id is not None
        self.settled = Attached(
            self.agent_session_id,
            resumable=self._can_resume() or self._can_load(),
            offer=Offer(fork=self._can("fork") or None),
        )

    def _refuse_setting(self, setting: Setting, why: str, error: dict[str, Any] | None = None) -> None:
        # Going on in another mode than the one asked for could permit what the profile forbids.
        details: dict[str, Any] = {"offered": list(setting.offered)}
        if error is not None:
            details["error"] = bound_value(error, DETAILS_CAP)
        self.settled = Problem(
            code="AGENT_REFUSED",
            message=f"the profile wants {setting.name} {setting.wanted!r} and {why}; {setting.describe()}",
            details=details,
        )


def describe_refusal(method: str, error: dict[str, Any]) -> Problem:
    """The problem behind an error that the agent answered with."""
    hint = "log in to the agent in a terminal, then try again" if error.get("code") == AUTH_REQUIRED else ""
    return refusals.describe_refusal(method, error, hint)
