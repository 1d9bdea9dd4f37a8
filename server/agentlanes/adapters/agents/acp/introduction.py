"""Who the agent is and what it can do, as its answer to initialize says, in either version of ACP."""

from __future__ import annotations

from typing import Any

from msgspec import Struct

from agentlanes import __name__ as client_name
from agentlanes.adapters.agents.acp.quirks import Quirks
from agentlanes.adapters.agents.dialogue.frames import bound_line, bound_text
from agentlanes.wire.models import AgentIdentity

_LINE_CAP = 200


class Introduction(Struct, frozen=True):
    """What is known of an agent before a session is open."""

    protocol: int
    name: str | None = None
    title: str | None = None
    release: str | None = None
    loads: bool = False
    resumes: bool = False
    forks: bool = False
    steers: bool = False
    http: bool = False
    sse: bool = False
    logins: tuple[str, ...] = ()

    def identity(self) -> AgentIdentity:
        """For the session's record."""
        name = self.name or "unknown"
        return AgentIdentity(name=name, title=self.title, version=self.release, protocol=f"acp/{self.protocol}")


def introduce(protocol: int, release: str) -> dict[str, object]:
    """The params of initialize. Version 2 has other names for its fields; who answers with 1 reads those of 1.

    No file system and no terminal: an agent works in its lane itself, where the runner sees what it starts.
    """
    info = {"name": client_name, "title": client_name, "version": release}
    params: dict[str, object] = {
        "protocolVersion": protocol,
        "clientCapabilities": {
            "fs": {"readTextFile": False, "writeTextFile": False},
            "terminal": False,
            "session": {"compaction": {}, "notices": {}, "configOptions": {"boolean": {}}},
            "elicitation": {"form": {}},
        },
        "clientInfo": info,
    }
    if protocol > 1:
        params |= {"capabilities": {"elicitation": {"form": {}}}, "info": info}
    return params


def read_introduction(result: dict[str, Any], asked: int) -> Introduction | None:
    """The agent's answer; None for a version that was not asked for."""
    version = result.get("protocolVersion")
    if type(version) is not int or not 1 <= version <= asked:
        return None
    if version == 2 and not isinstance(result.get("info"), dict):
        # It says back what it was asked: version 2 requires `info`, and knows no `agentCapabilities`.
        version = 1
    return _read_first(result) if version == 1 else _read_second(result)


def read_protocol(identity: AgentIdentity | None) -> int:
    """The version that was agreed on, as the session's record has it."""
    return 2 if identity is not None and identity.protocol == "acp/2" else 1


def can_resume(introduction: Introduction, quirks: Quirks) -> bool:
    return introduction.resumes or quirks.resumes_silently


def _read_first(result: dict[str, Any]) -> Introduction:
    capabilities = _dict(result.get("agentCapabilities"))
    session, mcp = _dict(capabilities.get("sessionCapabilities")), _dict(capabilities.get("mcpCapabilities"))
    return Introduction(
        1,
        *_read_info(result.get("agentInfo")),
        loads=capabilities.get("loadSession") is True,
        resumes=isinstance(session.get("resume"), dict),
        forks=isinstance(session.get("fork"), dict),
        steers=_read_steers(result),
        http=mcp.get("http") is True,
        sse=mcp.get("sse") is True,
        logins=_read_logins(result.get("authMethods")),
    )


def _read_second(result: dict[str, Any]) -> Introduction:
    session = _dict(_dict(result.get("capabilities")).get("session"))
    return Introduction(
        2,
        *_read_info(result.get("info")),
        resumes=True,
        forks=isinstance(session.get("fork"), dict),
        steers=_read_steers(result),
        http=isinstance(_dict(session.get("mcp")).get("http"), dict),
        logins=_read_logins(result.get("authMethods")),
    )


def _read_info(info: object) -> tuple[str | None, str | None, str | None]:
    given = _dict(info)
    name, title, release = (
        bound_line(value, _LINE_CAP) or None if type(value := given.get(key)) is str else None
        for key in ("name", "title", "version")
    )
    return name, title, release


def _read_steers(result: dict[str, Any]) -> bool:
    # An extension that several adapters share: `_session/steering` puts more input into the turn that runs.
    return _dict(_dict(result.get("_meta")).get("steering")).get("supported") is True


def _read_logins(methods: object) -> tuple[str, ...]:
    return tuple(
        bound_text(str(login.get("name") or login.get("id") or login.get("methodId")), _LINE_CAP)
        for login in (methods[:20] if isinstance(methods, list) else [])
        if isinstance(login, dict)
    )


def _dict(value: object) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}
