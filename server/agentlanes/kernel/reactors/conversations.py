"""Keeps each attached session's driver in step: tape → driver → log, and outbox → agent.

One loop per agent process. It reads the tape from the durable cursor, makes one transaction of what the driver
understood, and delivers writes only after they are recorded. After a crash the same frames are read again and the same
writes offered again: the driver makes the same items, and the runner drops the numbers that it has.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Mapping, Sequence

from agentlanes.core.errors import Refusal
from agentlanes.crash_points import reached
from agentlanes.kernel.clock import Clock
from agentlanes.kernel.environments import Environments, name_place
from agentlanes.kernel.kernel import Committed, Kernel
from agentlanes.kernel.ports.agents import Driver, Launch, Profiles, Start
from agentlanes.kernel.ports.harness import HarnessPlan
from agentlanes.kernel.ports.runners import ProcessState, RunnerError, Runners, SpawnPlan
from agentlanes.kernel.reactors.agent_view import build_view
from agentlanes.kernel.reactors.conversation import HANDSHAKE_SECONDS, Conversation
from agentlanes.kernel.reactors.engine import Effect, GiveUp
from agentlanes.kernel.reactors.processes import describe_end
from agentlanes.kernel.refusals import refuse_runner
from agentlanes.kernel.routes import direct, place
from agentlanes.kernel.vitals import Vitals
from agentlanes.wire.models import Answer, Approval, Item, Problem, ProcessExit, ProcessStart, Session, SessionSettle

log = logging.getLogger(__name__)

STOP_GRACE_MS = 2000

MakeDriver = Callable[[Session, Launch], Driver]


class Conversations:
    """All conversations, and the session effects that begin and end them."""

    def __init__(
        self,
        kernel: Kernel,
        runners: Runners,
        profiles: Profiles,
        environments: Environments,
        vitals: Vitals,
        clock: Clock,
        make_driver: MakeDriver,
        handshake_seconds: float = HANDSHAKE_SECONDS,
        plan_harness: Callable[[], HarnessPlan | None] = lambda: None,
    ) -> None:
        self._kernel = kernel
        self._runners = runners
        self._profiles = profiles
        self._environments = environments
        self._vitals = vitals
        self._clock = clock
        self._make_driver = make_driver
        self._handshake_seconds = handshake_seconds
        self._plan_harness = plan_harness
        self._by_process: dict[str, Conversation] = {}
        self._early_exits: dict[str, ProcessExit] = {}
        self._secrets: dict[str, Sequence[Answer]] = {}
        """Secret answers by approval, until the agent was told."""

    def effects(self) -> dict[tuple[str, str], Effect]:
        """What the engine runs."""
        return {
            ("session", "attach"): self._attach,
            ("session", "detach"): self._stop,
            ("session", "reroute"): self._stop,
            ("session", "rewind"): self._stop,
            ("session", "terminate"): self._stop,
        }

    def give_ups(self) -> dict[tuple[str, str], GiveUp]:
        """How the engine ends what is refused for good. A session is stopped when its process has ended."""
        return {("session", "attach"): self._give_up}

    async def _give_up(self, session: Session, problem: Problem) -> None:
        assert session.operation is not None and session.process_id is not None
        if self._kernel.state.get("process", session.process_id) is not None:
            # Its process runs, and its end ends the operation.
            await self._stop(session)
            return
        await self._kernel.perform(
            "session.settle",
            SessionSettle(process_id=session.process_id, problem=problem),
            correlation_id=session.operation.correlation_id,
            session_id=session.session_id,
        )

    def start(self) -> None:
        """Takes up the sessions whose agents run."""
        self._kernel.listen(self._hear)
        for session in list(self._kernel.state.all("session")):
            if session.process_id is not None and session.status == "attached":
                self._begin(session)

    async def close(self) -> None:
        """Stops reading. Agents go on; their tapes wait."""
        await asyncio.gather(*[conversation.close() for conversation in self._by_process.values()])

    def hear_growth(self, process_id: str) -> None:
        """The agent printed something."""
        conversation = self._by_process.get(process_id)
        if conversation is not None:
            conversation.wake()

    def hear_exit(self, process_id: str, exit: ProcessExit) -> bool:
        """The agent ended. True if its conversation tells the log once all is read."""
        conversation = self._by_process.get(process_id)
        if conversation is not None:
            conversation.end(exit)
            return True
        if any(session.process_id == process_id for session in self._kernel.state.all("session")):
            self._early_exits[process_id] = exit
            return True
        return False

    async def abandon(self, process_id: str, problem: Problem) -> bool:
        """Ends an agent that is beyond help; its exit will carry the problem. False where nobody converses with it."""
        conversation = self._by_process.get(process_id)
        if conversation is not None:
            await conversation.abandon(problem)
        return conversation is not None

    def _hear(self, committed: Committed) -> None:
        for event in committed.events:
            if isinstance(event.entity, Item) and event.entity.status != "in_progress":
                self._vitals.end_text(event.id)
        self._secrets |= committed.unlogged
        if self._secrets:
            for event in committed.events:
                if isinstance(event.entity, Approval) and event.entity.answered:
                    self._secrets.pop(event.id, None)
        touched = {
            session_id
            for event in committed.events
            if (session_id := getattr(event.entity, "session_id", None)) is not None
        }
        for session_id in touched:
            session = self._kernel.state.get("session", session_id)
            if session is not None and session.process_id in self._by_process:
                self._by_process[session.process_id].wake()

    async def _attach(self, session: Session) -> None:
        assert session.operation is not None and session.process_id is not None
        process_id = session.process_id
        if process_id in self._by_process:
            return
        try:
            launch = self._find_launch(session, _find_caller(session, session.operation.correlation_id))
            cwd = self.find_cwd(session)
            view = build_view(self._kernel, session, cwd, self._clock.now(), launch.append_prompt)
            start = self._make_driver(session, launch).start(view)
            ended = await self._spawn(session, start, session.operation.correlation_id) if start is not None else None
        except Refusal as refusal:
            await self._kernel.perform(
                "session.settle",
                SessionSettle(process_id=process_id, problem=refusal.problem()),
                correlation_id=session.operation.correlation_id,
                session_id=session.session_id,
            )
            return
        conversation = self._begin(session)
        if ended is not None:
            conversation.end(ended)

    async def _spawn(self, session: Session, start: Start, correlation_id: str) -> ProcessExit | None:
        """Starts the session's process with the environment of what a correlation asked, and records that it runs.

        Gives how it ended, where it has ended already. Raises Refusal if nothing runs.
        """
        assert session.process_id is not None
        caller = _find_caller(session, correlation_id)
        launch = self._find_launch(session, caller)
        cwd = self.find_cwd(session)
        place = name_place(self._kernel.state, session.lane_id, cwd)
        env = {**place, **self._environments.compose(caller, launch.env_pass, launch.env)}
        if start.size is not None:
            env["TERM"] = launch.env.get("TERM", "xterm-256color")
        argv = tuple(_fill(argument, start.fills) for argument in start.argv)
        plan = SpawnPlan(session.process_id, argv, cwd, env, size=start.size, sweep_on_exit=True)
        reached("spawn.before")
        try:
            report = await self._runners.spawn(session.lane_id, plan)
        except RunnerError as error:
            refusal = refuse_runner(error)
            code = "AGENT_START_FAILED" if refusal.code == "SPAWN_FAILED" else refusal.code
            raise Refusal(code, refusal.message, **refusal.details) from error
        reached("spawn.after")
        if report.pid is None:
            # There is no process whose end could be told, so the attach ends here.
            self._early_exits.pop(session.process_id, None)
            raise Refusal(
                "RUNNER_LOST", "the runner of the lane died while it started the agent; session.attach goes on"
            )
        if self._kernel.state.get("process", session.process_id) is None:
            await self._kernel.perform(
                "process.start",
                ProcessStart(
                    process_id=session.process_id,
                    run_reason="agent",
                    argv=start.argv,
                    cwd=cwd,
                    pid=report.pid,
                    cols=start.size.cols if start.size is not None else None,
                    rows=start.size.rows if start.size is not None else None,
                ),
                correlation_id=correlation_id,
                lane_id=session.lane_id,
                session_id=session.session_id,
            )
        return None if report.state is ProcessState.RUNNING else describe_end(report)

    def _find_launch(self, session: Session, caller: str | None = None) -> Launch:
        """How the session's agent is started, on the session's route."""
        launch = self._profiles.launch(session.profile)
        if launch is None:
            raise Refusal("PROFILE_NOT_FOUND", f"there is no profile {session.profile} any more")
        plan = self._plan_harness()
        named = plan.key_env if plan is not None else None
        key = self._environments.look_up(named, caller) if named is not None else None
        return direct(place(launch, session), session, plan, key)

    def find_cwd(self, session: Session) -> str:
        """Where the session's agent works: its lane's first worktree, in the repo's working dir."""
        lane = self._kernel.state.get("lane", session.lane_id)
        if lane is None:
            raise Refusal("LANE_NOT_FOUND", f"lane {session.lane_id} of the session is no longer known")
        worktree = lane.worktrees[0]
        repo = self._kernel.state.get("repo", worktree.repo_id)
        inner = repo.default_working_dir if repo is not None else None
        return f"{worktree.path}/{inner.strip('/')}" if inner else str(worktree.path)

    def _begin(self, session: Session) -> Conversation:
        assert session.process_id is not None
        process_id = session.process_id
        try:
            launch = self._find_launch(session)
        except Refusal:
            # The process runs already; how it would be started is of no more interest.
            launch = self._profiles.launch(session.profile) or Launch((), {}, (), session.driver)
        conversation = Conversation(
            self._kernel,
            self._runners,
            self._vitals,
            self._clock,
            session.session_id,
            process_id,
            self.find_cwd(session),
            self._make_driver(session, launch),
            self._spawn,
            self._secrets,
            self._handshake_seconds,
            launch.append_prompt,
        )
        self._by_process[process_id] = conversation
        conversation.start(lambda: self._by_process.pop(process_id, None))
        early = self._early_exits.pop(process_id, None)
        if early is not None:
            conversation.end(early)
        return conversation

    async def _stop(self, session: Session) -> None:
        if session.process_id is None:
            return
        details = (session.operation.details if session.operation is not None else None) or {}
        try:
            await self._runners.stop(session.process_id, grace_ms=int(details.get("grace_ms", STOP_GRACE_MS)))
        except RunnerError as error:
            log.info("session %s: %s", session.session_id, error)
            if self._kernel.state.get("process", session.process_id) is None:
                assert session.operation is not None
                await self._kernel.perform(
                    "session.settle",
                    SessionSettle(process_id=session.process_id),
                    correlation_id=session.operation.correlation_id,
                    session_id=session.session_id,
                )


def _find_caller(session: Session, correlation_id: str) -> str:
    """The correlation of the one in whose environment the agent is started."""
    details = (session.operation.details if session.operation is not None else None) or {}
    return str(details.get("caller") or correlation_id)


def _fill(argument: str, fills: Mapping[str, str]) -> str:
    for placeholder, text in fills.items():
        if placeholder in argument:
            return argument.replace(placeholder, text)
    return argument
