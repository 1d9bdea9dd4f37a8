"""One agent process and its driver."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Mapping, Sequence

import msgspec

from agentlanes.core.errors import Refusal
from agentlanes.core.world import PathsSeen
from agentlanes.crash_points import reached
from agentlanes.kernel.clock import Clock
from agentlanes.kernel.kernel import Kernel
from agentlanes.kernel.paths import see_paths
from agentlanes.kernel.ports.agents import AgentView, Attached, Driver, Start, Step
from agentlanes.kernel.ports.runners import RunnerError, Runners
from agentlanes.kernel.progress import Pace, shows_progress
from agentlanes.kernel.reactors.agent_exit import explain_exit, read_stderr
from agentlanes.kernel.reactors.agent_input import Input
from agentlanes.kernel.reactors.agent_view import build_view, find_previous
from agentlanes.kernel.reactors.bookmark import Bookmark
from agentlanes.kernel.reactors.lines import LINE_CAP, Chunks, Lines
from agentlanes.kernel.reactors.processes import let_go, tell_exit
from agentlanes.kernel.vitals import Vitals
from agentlanes.wire.models import (
    Answer,
    Approval,
    FrameCursor,
    Item,
    Problem,
    ProcessExit,
    Session,
    SessionApply,
    SessionSettle,
    TurnProgress,
)

log = logging.getLogger(__name__)

HANDSHAKE_SECONDS = 60.0
"""How long an agent may take to open its session."""
RELEASE_BYTES = 4 << 20
PAUSE_SECONDS = 0.001
"""Between two looks at a tape that gives nothing but text, for each text that grows in the server; nobody sees it."""
PAUSE_LONGEST = 0.05


Spawn = Callable[[Session, Start, str], Awaitable[ProcessExit | None]]
"""Starts the session's process for what a correlation asked; gives how it ended, where it has ended already."""


class Conversation:
    """The loop of one agent process. It ends when the agent has ended and all that it said is recorded."""

    def __init__(
        self,
        kernel: Kernel,
        runners: Runners,
        vitals: Vitals,
        clock: Clock,
        session_id: str,
        process_id: str,
        cwd: str,
        driver: Driver,
        spawn: Spawn,
        secrets: Mapping[str, Sequence[Answer]],
        handshake_seconds: float = HANDSHAKE_SECONDS,
        append_prompt: str | None = None,
    ) -> None:
        self._kernel = kernel
        self._runners = runners
        self._vitals = vitals
        self._clock = clock
        self._session_id = session_id
        self._process_id = process_id
        self._cwd = cwd
        self._append_prompt = append_prompt
        self._driver = driver
        self._spawn = spawn
        self._started = kernel.state.get("process", process_id) is not None
        self._finished = False
        self._expected = False
        """The driver says that the process was to end."""
        self._secrets = secrets
        self._handshake_seconds = handshake_seconds
        self._wakeup = asyncio.Event()
        self._exit: ProcessExit | None = None
        self._problem: Problem | None = None
        self._input = Input(runners, process_id, b"\n" if driver.stream == "out" else b"")
        self._released = 0
        self._bookmark = Bookmark(FrameCursor(rest=0, applied=0))
        self._is_news = False
        """The frames that were read last were never read before."""
        self._task: asyncio.Task[None] | None = None

    def start(self, ended: Callable[[], object]) -> None:
        """Begins; `ended` is called when the loop is over."""
        self._task = asyncio.create_task(self._run(), name=f"conversation {self._session_id}")
        self._task.add_done_callback(lambda _: ended())

    async def close(self) -> None:
        """Stops the loop where it is."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)

    def wake(self) -> None:
        """Something changed: the tape, or the session."""
        self._wakeup.set()

    def end(self, exit: ProcessExit) -> None:
        """The process ended; what is on the tape is still taken in."""
        self._exit = exit
        self._wakeup.set()

    async def _run(self) -> None:
        while True:
            try:
                return await self._converse()
            except Refusal as refusal:
                if refusal.code != "STORE_UNAVAILABLE":
                    log.info("conversation %s: %s", self._session_id, refusal.message)
                    return await self._finish()
                log.warning("conversation %s waits for the log", self._session_id)
            except Exception:
                log.exception("conversation %s failed", self._session_id)
                await self._abandon(
                    Problem(code="INTERNAL_ERROR", message="the driver failed; the server's log says why")
                )
                return await self._finish()
            await asyncio.sleep(1.0)

    async def _converse(self) -> None:
        """Reads, understands, records, delivers, until the agent has ended and nothing is left."""
        store = self._kernel.store
        cursor = store.cursor(self._process_id) or FrameCursor(rest=0, applied=0)
        self._bookmark = Bookmark(cursor)
        outbox = store.outbox(self._process_id)
        self._input.restore(outbox)
        view = self._view()
        if view is None:
            return await self._finish()
        if outbox:
            previous = find_previous(store, self._session_id, self._process_id)
            view = msgspec.structs.replace(view, previous=previous)
        self._driver.restore(view, outbox, cursor)
        tape = self._runners.tape(self._process_id, self._driver.stream)
        try:
            await self._deliver()
            if self._started:
                await self._input.close(self._driver.start(view))
            lines = (Lines if self._driver.stream == "out" else Chunks)(tape, cursor.rest)
            await self._follow_tape(lines, cursor.applied)
        finally:
            tape.close()
        return await self._finish()

    def _note_print(self, frames: int) -> None:
        pace = self._vitals.paces.get(self._session_id)
        if pace is not None:
            pace.print(frames, self._clock.milliseconds())

    def _note_progress(self, step: Step) -> None:
        if self._is_news and shows_progress(step):
            self._vitals.paces[self._session_id] = Pace(self._clock.milliseconds())

    async def _follow_tape(self, lines: Lines | Chunks, known: int) -> None:
        deadline = asyncio.get_running_loop().time() + self._handshake_seconds
        # What an agent still says while it is being stopped is nobody's: it may be endless, or the end of its turn.
        while self._problem is None:
            self._wakeup.clear()
            exited = self._exit is not None
            at = self._clock.now()
            count = 0
            fresh = 0
            for line, offset, end in lines.read():
                self._driver.receive(line, offset, end, at)
                count += 1
                # What is read again after a restart is no news.
                fresh += end > known
            self._is_news = fresh > 0
            if fresh:
                self._note_print(fresh)
            if count:
                self._vitals.heartbeats[self._session_id] = at
                deadline = asyncio.get_running_loop().time() + self._handshake_seconds
            if lines.overlong:
                await self._abandon(
                    Problem(
                        code="AGENT_PROTOCOL_ERROR",
                        message=f"the agent printed a line of more than {LINE_CAP >> 20} MiB; it was stopped",
                    )
                )
            view = self._view()
            if view is None:
                return
            if not (self._started or exited):
                exited = not await self._start(view)
            if not exited:
                self._driver.follow(view)
            step = self._driver.collect(view)
            if step is not None:
                await self._take(step, view.turn.correlation_id if view.turn is not None else None)
                continue
            if count:
                continue
            if exited:
                if self._exit is None or self._finished:
                    return
                self._finished = True
                self._expected = self._driver.finish(self._exit, at)
                continue
            await self._sleep(view, deadline)

    async def _sleep(self, view: AgentView, deadline: float) -> None:
        """Waits for news; an agent that falls silent in its handshake is given up."""
        attaching = view.session.status == "attaching"
        given_up_in = max(0.0, deadline - asyncio.get_running_loop().time()) if attaching else None
        patience = self._driver.patience()
        timeout = min((each for each in (given_up_in, patience) if each is not None), default=None)
        try:
            async with asyncio.timeout(timeout):
                await self._wakeup.wait()
        except TimeoutError:
            if timeout == patience:
                self._driver.fall_silent(self._clock.now())
                return
            await self._abandon(
                Problem(
                    code="AGENT_SILENT",
                    message=f"the agent was silent for {self._handshake_seconds:g} s in its handshake; it was stopped",
                    details=read_stderr(self._runners, self._process_id),
                )
            )
            await self._wakeup.wait()

    def _view(self) -> AgentView | None:
        """The session as it is now; None when this process is no longer its agent."""
        session = self._kernel.state.get("session", self._session_id)
        if session is None or session.process_id != self._process_id:
            return None
        view = build_view(self._kernel, session, self._cwd, self._clock.now(), self._append_prompt)
        return msgspec.structs.replace(view, secret_answers=self._secrets)

    async def _take(self, step: Step, correlation_id: str | None) -> None:
        reached("frames.read")
        await self._record(step.apply, correlation_id)
        self._note_progress(step)
        self._input.add(step.apply.writes, step.unlogged)
        reached("frames.applied")
        if step.apply.answered:
            reached("frames.answered")
        await self._deliver()
        if step.apply.writes and (view := self._view()) is not None:
            await self._input.close(self._driver.start(view))
        reached("frames.delivered")
        for growth in step.growths:
            if self._kernel.state.get("item", growth.item.item_id) is not None:
                self._vitals.grow(growth.item, growth.offset, growth.data, correlation_id)
        if isinstance(step.settled, Attached):
            await self._settle(step.settled)
        elif step.settled is not None:
            await self._abandon(step.settled)
        if step.stop:
            await self._stop()
        if step.fatal is not None:
            await self._abandon(step.fatal)
        await self._release()

    async def _record(self, step: SessionApply, correlation_id: str | None) -> None:
        apply = self._bookmark.plan(step)
        if apply is None:
            # What comes meanwhile is shown together: the more agents talk at once, the larger the pieces.
            await asyncio.sleep(min(len(self._vitals.texts) * PAUSE_SECONDS, PAUSE_LONGEST))
            return
        seen = await self._look(apply.approvals) if apply.approvals else None
        await self._kernel.perform(
            "session.apply", apply, correlation_id=correlation_id, facts=seen, session_id=self._session_id
        )
        self._bookmark.note(apply)

    async def _start(self, view: AgentView) -> bool:
        """Starts the process if it is time. False if it cannot be started, which ends its turn."""
        start = self._driver.start(view)
        if start is None:
            return True
        correlation_id = view.turn.correlation_id if view.turn is not None else None
        try:
            ended = await self._spawn(view.session, start, correlation_id or self._clock.mint("correlation"))
        except Refusal as refusal:
            if refusal.code == "STORE_UNAVAILABLE":
                raise
            progress = None
            if view.turn is not None:
                progress = TurnProgress(turn_id=view.turn.turn_id, status="failed", problem=refusal.problem())
            apply = SessionApply(process_id=self._process_id, turn=progress, ended=True, problem=refusal.problem())
            await self._kernel.perform(
                "session.apply", apply, correlation_id=correlation_id, session_id=self._session_id
            )
            return False
        self._started = True
        if ended is not None:
            self.end(ended)
        await self._input.close(self._driver.start(view))
        return True

    async def _look(self, approvals: Sequence[Approval]) -> PathsSeen:
        """Where the paths lead that the agent asks about. A folder that does not answer holds up this agent only."""
        session = self._kernel.state.get("session", self._session_id)
        lane = self._kernel.state.get("lane", session.lane_id) if session is not None else None
        roots = [worktree.path for worktree in lane.worktrees] if lane is not None else []
        return await asyncio.to_thread(see_paths, approvals, self._cwd, roots)

    async def _settle(self, attached: Attached) -> None:
        session = self._kernel.state.get("session", self._session_id)
        if session is None or session.operation is None or session.operation.kind != "attach":
            return
        reached("attach.settling")
        await self._kernel.perform(
            "session.settle",
            SessionSettle(
                process_id=self._process_id,
                agent_session_id=attached.agent_session_id,
                resumable=attached.resumable,
                title=attached.title,
                offer=attached.offer,
                identity=attached.identity,
            ),
            correlation_id=session.operation.correlation_id,
            session_id=self._session_id,
        )

    async def _deliver(self) -> None:
        await self._input.deliver(lambda: self._exit is not None)

    async def _release(self) -> None:
        rest = self._bookmark.recorded.rest
        if rest - self._released < RELEASE_BYTES or self._driver.stream != "out":
            return
        self._released = rest
        try:
            await self._runners.release(self._process_id, rest)
        except RunnerError as error:
            log.debug("%s", error)

    async def abandon(self, problem: Problem) -> None:
        """Ends the process; its exit will carry the problem."""
        await self._abandon(problem)
        self._wakeup.set()

    async def _abandon(self, problem: Problem) -> None:
        if self._problem is not None:
            return
        self._problem = problem
        await self._stop()

    async def _stop(self) -> None:
        try:
            await self._runners.stop(self._process_id)
        except RunnerError as error:
            log.info("agent %s: %s", self._process_id, error)
            if not error.retryable and self._exit is None:
                self.end(ProcessExit(process_id=self._process_id))

    async def _finish(self) -> None:
        """Tells the log that the process ended, if one was started."""
        if not self._started:
            return
        while self._exit is None:
            self._wakeup.clear()
            await self._wakeup.wait()
        exit = self._exit
        problem = self._problem or exit.problem
        if (problem is None and not self._expected) and (
            exit.exit_code != 0 or exit.signal is not None or self._is_unexpected()
        ):
            problem = explain_exit(exit, read_stderr(self._runners, self._process_id))
        ended = msgspec.structs.replace(exit, problem=problem, items=self._list_grown())
        await tell_exit(self._kernel, ended)
        self._vitals.heartbeats.pop(self._session_id, None)
        self._vitals.paces.pop(self._session_id, None)
        await let_go(self._runners, self._process_id)

    def _list_grown(self) -> tuple[Item, ...]:
        """Items that the process leaves open, where the log does not have all of their text."""
        view = self._view()
        known = view.items if view is not None else ()
        return tuple(shown for item in known if (shown := self._vitals.complete("item", item)) != item)

    def _is_unexpected(self) -> bool:
        session = self._kernel.state.get("session", self._session_id)
        return session is not None and (session.operation is None or session.operation.kind == "attach")
