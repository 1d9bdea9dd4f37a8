"""What a session means for its agent's start: the same program with other arguments and variables.

No file of the user is touched.
"""

from __future__ import annotations

import msgspec

from agentlanes.core.errors import Refusal
from agentlanes.core.route import HARNESS
from agentlanes.kernel.ports.agents import Launch
from agentlanes.kernel.ports.harness import HarnessPlan
from agentlanes.wire.models import Session


def place(launch: Launch, session: Session) -> Launch:
    """The launch with the session's own ids for `{lane_id}` and `{session_id}` in arguments of MCP servers."""
    if not launch.mcp_servers:
        return launch
    known: dict[str, str | None] = {"{lane_id}": session.lane_id, "{session_id}": session.session_id}
    servers = (
        {**server, "args": [_fill(argument, known) for argument in server["args"]]} if "args" in server else server
        for server in launch.mcp_servers
    )
    return msgspec.structs.replace(launch, mcp_servers=tuple(servers))


def direct(launch: Launch, session: Session, plan: HarnessPlan | None, key: str | None) -> Launch:
    """The launch on the session's route. Refuses where the config changed since the route was chosen."""
    if session.transport != HARNESS:
        return _stand(launch, session, plan)
    if plan is None or launch.detour is None:
        raise Refusal(
            "HARNESS_NOT_CONFIGURED",
            f"the session was to go through the harness, and the config file no longer says how profile "
            f"{session.profile} does; attach it again",
        )
    known = {"{url}": plan.url, "{key_env}": plan.key_env if key is not None else None}
    args = [_fill(argument, known) for argument in (*launch.detour.standing, *launch.detour.args)]
    env = {name: _fill(value, {**known, "{key}": key}) for name, value in launch.detour.env.items()}
    passed = {plan.key_env: key} if plan.key_env is not None and key is not None else {}
    return msgspec.structs.replace(
        launch,
        argv=(*launch.argv, *(argument for argument in args if argument is not None)),
        env={**launch.env, **passed, **{name: value for name, value in env.items() if value is not None}},
    )


def _stand(launch: Launch, session: Session, plan: HarnessPlan | None) -> Launch:
    """The launch of a session that goes around the harness, and may have gone through it before."""
    if session.route is None or launch.detour is None or plan is None:
        return launch
    args = [_fill(argument, {"{url}": plan.url, "{key_env}": plan.key_env}) for argument in launch.detour.standing]
    return msgspec.structs.replace(
        launch, argv=(*launch.argv, *(argument for argument in args if argument is not None))
    )


def _fill(text: str, known: dict[str, str | None]) -> str | None:
    """The text with what its placeholders stand for; None where one of them stands for nothing."""
    for placeholder, value in known.items():
        if placeholder in text:
            if value is None:
                return None
            text = text.replace(placeholder, value)
    return text
