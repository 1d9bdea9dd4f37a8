"""Agents and profiles as queries show them: what the config says, what the machine has, what sessions do."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Iterable, Mapping

from agentlanes.core.errors import Refusal
from agentlanes.core.state import State
from agentlanes.kernel.clock import write_time
from agentlanes.kernel.ports.agents import Installation, Installations, Known, Profiles
from agentlanes.wire.models import (
    Agent,
    AgentOptions,
    AgentPage,
    AgentState,
    AgentStatus,
    Choice,
    Offer,
    Profile,
    ProfilePage,
    ProfileRef,
    ProfileState,
    Session,
    Setup,
)

LIST_SECONDS = 2.0
"""How long a list waits for programs that tell their version for the first time; the next list has it."""
GET_SECONDS = 15.0

_OFFERED = {"fork": "SESSION_FORK", "steer": "STEER", "compact": "COMPACT", "review": "REVIEW"}


class Agents:
    """Queries about agents."""

    def __init__(self, profiles: Profiles, installations: Installations) -> None:
        self._profiles = profiles
        self._installations = installations

    def list_profiles(self) -> ProfilePage:
        return ProfilePage(profiles=self._profiles.list(), problems=self._profiles.problems())

    def get_profile(self, payload: ProfileRef) -> ProfileState:
        return ProfileState(profile=self._find(payload.name).profile)

    async def list_agents(self, state: State, env: Mapping[str, str]) -> AgentPage:
        """All agents. What a session is started from is looked for where it would be: with the caller's environment."""
        known = [each for profile in self._profiles.list() if (each := self._profiles.find(profile.name)) is not None]
        found = await asyncio.gather(*(self._installations.look(each, env, LIST_SECONDS) for each in known))
        return AgentPage(agents=tuple(_show(each, state, has) for each, has in zip(known, found, strict=True)))

    async def get_agent(self, payload: ProfileRef, state: State, env: Mapping[str, str]) -> AgentState:
        known = self._find(payload.name)
        return AgentState(agent=_show(known, state, await self._installations.look(known, env, GET_SECONDS)))

    def get_options(self, payload: ProfileRef, state: State) -> AgentOptions:
        profile = self._find(payload.name).profile
        family = {profile.name, profile.variant_of}
        session = _find_newest(s for s in state.all("session") if s.profile in family and s.offer is not None)
        return AgentOptions(
            name=profile.name,
            choice=Choice(mode=profile.mode, model=profile.model, effort=profile.effort),
            variants=tuple(each.name for each in self._profiles.list() if each.variant_of == profile.name),
            offer=session.offer if session is not None else None,
            session_id=session.session_id if session is not None else None,
            seen_at=(session.attached_at or session.updated_at) if session is not None else None,
        )

    def _find(self, name: str) -> Known:
        known = self._profiles.find(name)
        if known is not None:
            return known
        names = [profile.name for profile in self._profiles.list()]
        raise Refusal("PROFILE_NOT_FOUND", f"there is no profile {name}; there are {', '.join(names)}", known=names)


def _show(known: Known, state: State, found: Installation) -> Agent:
    """A profile with what its sessions do and what the machine has of it."""
    profile, about = known.profile, known.about
    sessions = [s for s in state.all("session") if s.profile == profile.name and s.status != "terminated"]
    turns = {turn.status for session in sessions for turn in state.children("turn", session.session_id)}
    newest = _find_newest(sessions)
    attached = [session.attached_at for session in sessions if session.attached_at is not None]
    detached = [session.detached_at for session in sessions if session.detached_at is not None]
    status = _judge(profile, sessions, newest, found)
    offer = newest.offer if newest is not None else None
    return Agent(
        name=profile.name,
        type=about.type,
        profile=profile,
        status=status,
        activity_state="PROCESSING" if turns & {"running", "waiting"} else "QUEUED" if turns else "IDLE",
        available=found.path is not None,
        unavailable_reason=_explain(known) if found.path is None else None,
        availability="NOT_FOUND"
        if found.path is None
        else "LOGIN_DETECTED"
        if found.login == "signed_in"
        else "INSTALLATION_FOUND",
        path=found.path,
        version=found.version,
        login=found.login,
        login_at=write_time(found.login_at) if found.login_at is not None else None,
        capabilities=tuple(dict.fromkeys((*about.capabilities, *_read_offer(offer)))),
        setup=Setup(install=about.install, login=about.login),
        problem=newest.problem if newest is not None and newest.status == "detached" else None,
        connected_at=max(attached, default=None),
        disconnected_at=max(detached, default=None) if status != "ONLINE" else None,
        host_machine=socket.gethostname(),
        sessions=len(sessions),
    )


def _judge(profile: Profile, sessions: Iterable[Session], newest: Session | None, found: Installation) -> AgentStatus:
    statuses = {session.status for session in sessions}
    if "attached" in statuses:
        return "ONLINE"
    if "attaching" in statuses:
        return "CONNECTING"
    if newest is not None and newest.status == "detached" and newest.problem is not None:
        return "ERROR"
    # What nobody asked for is no error for not being there.
    return "ERROR" if found.path is None and profile.source != "built in" else "OFFLINE"


def _explain(known: Known) -> str:
    program = known.launch.argv[0]
    cure = "install it, or give its full path in the profile's argv"
    if known.about.install:
        cure = f"`{' '.join(known.about.install[0].argv)}` installs it"
    elif known.profile.docs is not None:
        cure = f"{known.profile.docs} says how to install it"
    return f"{program} was not found on PATH; {cure}"


def _read_offer(offer: Offer | None) -> list[str]:
    return [] if offer is None else [name for field, name in _OFFERED.items() if getattr(offer, field)]


def _find_newest(sessions: Iterable[Session]) -> Session | None:
    return max(sessions, key=lambda session: (session.attached_at or "", session.created_at), default=None)
