"""From the app-server's start to an open thread: initialize, then the thread and the models together."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec

from agentlanes import __name__ as client_name
from agentlanes.adapters.agents.codex.fields import read_object, read_objects, read_text
from agentlanes.adapters.agents.codex.sandbox import MODES, WORKSPACE_WRITE, choose_bounds
from agentlanes.adapters.agents.dialogue.frames import bound_line, bound_value
from agentlanes.adapters.agents.dialogue.outbox import Outbox
from agentlanes.adapters.agents.dialogue.refusals import (
    DETAILS_CAP,
    describe_lost_conversation,
    describe_refusal,
)
from agentlanes.adapters.agents.mcp_presets import PATIENCE_SECONDS, find_asking
from agentlanes.kernel.ports.agents import AgentView, Attached, Launch
from agentlanes.wire.models import AgentIdentity, AgentWrite, Offer, Problem, Setting, SettingValue

OPENING = ("thread/start", "thread/resume", "thread/fork")
UNHEARD = [
    "account/rateLimits/updated",
    "item/fileChange/outputDelta",
    "remoteControl/status/changed",
    "thread/readState/changed",
    "turn/diff/updated",
]
"""Notifications that are not wanted. The diff of a turn is told again as a whole with each change and each call of the
model, and the server has the lane's diff from git."""
HIDDEN = "(not recorded)"
"""Stands in the log for the value of an environment or of a header."""
_MODELS = "model/list"
_CONFIG = "config/read"
_ID_CAP = 512
_NAME_CAP = 200
_DESCRIPTION_CAP = 2000


class Handshake:
    """Its memory is what was asked (the writes) and what was answered (the frames)."""

    def __init__(self, launch: Launch, version: str) -> None:
        self._launch = launch
        self._version = version
        self._asked: dict[int, str] = {}
        self._awaited: set[int] = set()
        self._old_id: str | None = None
        self._user_agent: str | None = None
        self._thread: dict[str, Any] | None = None
        self._provider: str | None = None
        self._must_fork = False
        self._models: list[dict[str, Any]] = []
        self.settled: Attached | Problem | None = None

    def restore(self, writes: Sequence[AgentWrite]) -> None:
        for write in writes:
            message = msgspec.json.decode(write.data)
            method = message.get("method")
            if "id" in message and method in ("initialize", _CONFIG, _MODELS, *OPENING):
                self._asked[write.n] = method
                self._awaited.add(write.n)
                if method in OPENING:
                    self._old_id = message["params"].get("threadId")

    def follow(self, view: AgentView, outbox: Outbox) -> None:
        if self.settled is not None or self._awaited:
            return
        if not self._asked:
            self._check_mode()
            self._ask(outbox, "initialize", self._introduce())
        elif len(self._asked) == 1 and view.session.route is not None:
            # A thread is resumed with the provider that it had, unless another one is named: the one of this process.
            outbox.notify("initialized")
            self._ask(outbox, _CONFIG, {"includeLayers": False})
        elif self._must_fork:
            self._must_fork = False
            _, params = self._choose_thread(view)
            self._ask(outbox, "thread/fork", params, self._add_servers(params))
        elif not any(method in OPENING for method in self._asked.values()):
            if _CONFIG not in self._asked.values():
                outbox.notify("initialized")
            method, params = self._choose_thread(view)
            self._ask(outbox, method, params, self._add_servers(params))
            self._ask(outbox, _MODELS, {"limit": 100})

    def receive(self, n: int, result: Any, error: dict[str, Any] | None) -> bool:
        """Take in the answer to request `n`; False if it was not asked here."""
        method = self._asked.get(n)
        if method is None:
            return False
        self._awaited.discard(n)
        if self.settled is not None:
            return True
        if method == _CONFIG:
            self._provider = read_text(read_object(result, "config"), "model_provider", _NAME_CAP) or "openai"
        elif method == _MODELS:
            # Without the list there is no choice to offer, and all the rest works.
            self._models = [] if error is not None else read_objects(result, "data", 100)
        elif error is not None and method == "thread/resume" and self._is_of_another_provider(error):
            # Codex never changes a thread's provider. A fork is the same conversation on the other one.
            self._must_fork = True
        elif error is not None:
            self.settled = self._describe(method, error)
        elif method == "initialize":
            self._user_agent = read_text(result, "userAgent", _NAME_CAP)
        else:
            self._take_thread(method, result)
        if not self._awaited and self._thread is not None and self.settled is None:
            self.settled = self._attach(self._thread)
        return True

    def _ask(
        self, outbox: Outbox, method: str, params: dict[str, object], unlogged: dict[str, object] | None = None
    ) -> None:
        n = outbox.request(method, params, unlogged)
        self._asked[n] = method
        self._awaited.add(n)

    def _is_of_another_provider(self, error: dict[str, Any]) -> bool:
        return self._provider is not None and "model provider" in str(error.get("message")).lower()

    def _check_mode(self) -> None:
        mode = self._launch.mode
        if mode is not None and mode not in MODES:
            # Going on in another sandbox than the one asked for could permit what the profile forbids.
            self.settled = Problem(
                code="AGENT_REFUSED",
                message=f"the profile wants mode {mode!r}, and Codex has {', '.join(MODES)}; name one of them as mode "
                f"of the profile",
                details={"offered": list(MODES)},
            )

    def _introduce(self) -> dict[str, object]:
        return {
            "clientInfo": {"name": client_name, "title": client_name, "version": self._version},
            # What ends the commands of an interrupted turn is experimental, and so are plans.
            "capabilities": {
                "experimentalApi": True,
                "requestAttestation": False,
                "optOutNotificationMethods": list(UNHEARD),
            },
        }

    def _choose_thread(self, view: AgentView) -> tuple[str, dict[str, object]]:
        session, launch = view.session, self._launch
        chosen = session.choice
        mode = (chosen.mode if chosen is not None else None) or launch.mode
        params = choose_bounds(view.permission_mode, mode, view.cwd).write_thread()
        model = (chosen.model if chosen is not None else None) or launch.model
        if model is not None:
            params["model"] = model
        if self._provider is not None:
            params["modelProvider"] = self._provider
        origin = session.origin
        # A session that was never prompted has nothing to lose, and Codex keeps no thread without a turn.
        self._old_id = session.agent_session_id if session.listed else None
        if self._old_id is not None:
            return "thread/resume", {**params, "threadId": self._old_id, "excludeTurns": True}
        if origin is None or origin.kind == "handover" or origin.agent_session_id is None:
            return "thread/start", params
        self._old_id = origin.agent_session_id
        params |= {"threadId": self._old_id, "excludeTurns": True}
        if origin.kind == "adopt":
            return "thread/resume", params
        if origin.agent_turn_id is not None:
            params["lastTurnId"] = origin.agent_turn_id
        return "thread/fork", params

    def _add_servers(self, params: dict[str, object]) -> dict[str, object] | None:
        """Puts the profile's MCP servers into the params of a thread, without the values of their environments and
        headers; the result has them, and is None where there are none."""
        servers = self._launch.mcp_servers
        if not servers:
            return None
        params["config"] = {"mcp_servers": {str(s.get("name")): _write_server(s, HIDDEN) for s in servers}}
        return {**params, "config": {"mcp_servers": {str(s.get("name")): _write_server(s) for s in servers}}}

    def _describe(self, method: str, error: dict[str, Any]) -> Problem:
        if method in ("thread/resume", "thread/fork"):
            return describe_lost_conversation(self._old_id, error, "fork" if method == "thread/fork" else "continue")
        return describe_refusal(method, error)

    def _take_thread(self, method: str, result: Any) -> None:
        thread_id = read_object(result, "thread").get("id")
        if type(thread_id) is not str or not 0 < len(thread_id) <= _ID_CAP:
            self.settled = Problem(
                code="AGENT_PROTOCOL_ERROR",
                message=f"Codex answers {method} without the id of a thread; try another release of it",
                details={"answer": bound_value(result, DETAILS_CAP)},
            )
            return
        self._thread = result

    def _attach(self, opened: dict[str, Any]) -> Attached:
        thread = read_object(opened, "thread")
        version = (self._user_agent or "").partition("/")[2].partition(" ")[0]
        title = read_text(thread, "name", _NAME_CAP)
        return Attached(
            thread["id"],
            resumable=True,
            title=bound_line(title, _NAME_CAP) if title else None,
            offer=self._offer(opened),
            identity=AgentIdentity(name="codex", title="Codex", version=version or None, protocol="codex-app-server/2"),
        )

    def _offer(self, opened: dict[str, Any]) -> Offer:
        model = read_text(opened, "model", _NAME_CAP)
        effort = read_text(opened, "reasoningEffort", _NAME_CAP)
        known = next((entry for entry in self._models if model in (entry.get("model"), entry.get("id"))), None)
        settings = [
            Setting(
                setting_id="mode",
                name="Sandbox",
                kind="mode",
                value=self._launch.mode or WORKSPACE_WRITE,
                values=tuple(SettingValue(value=n, name=n, description=text) for n, text in MODES.items()),
            )
        ]
        models = _read_values(self._models, ("model", "id"), "displayName")
        if model is not None or models:
            settings.append(Setting(setting_id="model", name="Model", kind="model", value=model, values=models))
        efforts = _read_values(read_objects(known, "supportedReasoningEfforts", 50), ("reasoningEffort",))
        if efforts:
            value = effort or read_text(known, "defaultReasoningEffort", _NAME_CAP)
            settings.append(Setting(setting_id="effort", name="Effort", kind="effort", value=value, values=efforts))
        return Offer(steer=True, fork=True, fork_at_turn=True, compact=True, review=True, settings=tuple(settings))


def _read_values(entries: list[dict[str, Any]], keys: tuple[str, ...], name_key: str = "") -> tuple[SettingValue, ...]:
    """The values of a setting, under the first key that an entry has; hidden ones are not offered."""
    values = []
    for entry in entries:
        value = next((found for key in keys if (found := read_text(entry, key, _NAME_CAP))), None)
        if value is not None and entry.get("hidden") is not True:
            name = bound_line(read_text(entry, name_key, _NAME_CAP) or value, _NAME_CAP)
            text = read_text(entry, "description", _DESCRIPTION_CAP)
            values.append(SettingValue(value=value, name=name, description=text))
    return tuple(values)


def _write_server(server: Any, hidden: str | None = None) -> dict[str, object]:
    """An MCP server, which ACP lists as name, command, args and env or as url and headers, as Codex's config has it.
    `hidden` stands for the values that may be secrets."""
    if "url" in server:
        headers = {str(h.get("name")): hidden or str(h.get("value")) for h in server.get("headers") or ()}
        return {"url": server["url"], **({"http_headers": headers} if headers else {})}
    env = {str(e.get("name")): hidden or str(e.get("value")) for e in server.get("env") or ()}
    asking = find_asking(server)
    # Also over what the user's config says of it: people are asked by the server, once, and are given time.
    more = {"default_tools_approval_mode": "approve", "tool_timeout_sec": PATIENCE_SECONDS} if asking else {}
    args = list((asking or server).get("args") or ())
    return {"command": server.get("command"), "args": args, **({"env": env} if env else {}), **more}
