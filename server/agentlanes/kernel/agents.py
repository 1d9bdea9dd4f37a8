"""Agents and profiles as queries show them: what the config says, what the machine has, what sessions do."""

from __future__ import annotations

import shutil
import socket
from collections.abc import Mapping

from agentlanes.core.errors import Refusal
from agentlanes.core.state import State
from agentlanes.kernel.ports.agents import Profiles
from agentlanes.wire.models import (
    Agent,
    AgentPage,
    AgentState,
    AgentStatus,
    Profile,
    ProfilePage,
    ProfileRef,
    ProfileState,
)


class Agents:
    """Queries about agents."""

    def __init__(self, profiles: Profiles) -> None:
        self._profiles = profiles

    def list_profiles(self) -> ProfilePage:
        return ProfilePage(profiles=self._profiles.list(), problems=self._profiles.problems())

    def get_profile(self, payload: ProfileRef) -> ProfileState:
        return ProfileState(profile=self._find(payload.name))

    def list_agents(self, state: State, env: Mapping[str, str]) -> AgentPage:
        return AgentPage(agents=tuple(self._show(profile, state, env) for profile in self._profiles.list()))

    def get_agent(self, payload: ProfileRef, state: State, env: Mapping[str, str]) -> AgentState:
        return AgentState(agent=self._show(self._find(payload.name), state, env))

    def _find(self, name: str) -> Profile:
        known = self._profiles.list()
        for profile in known:
            if profile.name == name:
                return profile
        raise Refusal(
            "PROFILE_NOT_FOUND",
            f"there is no profile {name}; there are {', '.join(profile.name for profile in known)}",
            known=[profile.name for profile in known],
        )

    def _show(self, profile: Profile, state: State, env: Mapping[str, str]) -> Agent:
        """A profile with what its sessions do. Its program is looked for where a session would: on the PATH that the
        profile sets, or the caller's."""
        sessions = [s for s in state.all("session") if s.profile == profile.name and s.status != "terminated"]
        turns = {turn.status for session in sessions for turn in state.children("turn", session.session_id)}
        launch = self._profiles.launch(profile.name)
        program = profile.argv[0]
        path = (launch.env if launch is not None else {}).get("PATH") or env.get("PATH")
        available = shutil.which(program, path=path) is not None
        return Agent(
            name=profile.name,
            profile=profile,
            status=_judge({session.status for session in sessions}) if available else "ERROR",
            activity_state="PROCESSING" if turns & {"running", "waiting"} else "QUEUED" if turns else "IDLE",
            available=available,
            unavailable_reason=None
            if available
            else f"{program} was not found on PATH; install it, or give its full path in the profile's argv",
            host_machine=socket.gethostname(),
            sessions=len(sessions),
        )


def _judge(sessions: set[str]) -> AgentStatus:
    if "attached" in sessions:
        return "ONLINE"
    return "CONNECTING" if "attaching" in sessions else "OFFLINE"
