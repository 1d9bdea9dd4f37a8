"""What runners report, told to the log; and the effects that start and stop processes.

An agent's end is told only after its last words were taken in: its conversation waits for them and says when.
"""

from __future__ import annotations

import asyncio
import logging
import signal as signals
from collections.abc import Coroutine
from typing import Any, Protocol

import msgspec

from agentlanes.core.errors import Refusal
from agentlanes.core.state import State
from agentlanes.crash_points import reached
from agentlanes.kernel.environments import Environments, name_place
from agentlanes.kernel.kernel import Committed, Kernel
from agentlanes.kernel.ports.runners import (
    Adoption,
    Breach,
    Exit,
    Exited,
    Grew,
    Lost,
    ProcessReport,
    ProcessState,
    RunnerError,
    RunnerEvent,
    Runners,
    SpawnPlan,
    Stalled,
    TerminalSize,
    Throttled,
)
from agentlanes.kernel.ports.store import Selection
from agentlanes.kernel.reactors.engine import Effect, GiveUp
from agentlanes.kernel.refusals import refuse_runner
from agentlanes.kernel.vitals import Vitals
from agentlanes.wire.models import Problem, ProcessExit, Session, Terminal, TerminalSettle, TerminalThrottle

log = logging.getLogger(__name__)

DEFAULT_GRACE_MS = 2000
ADOPT_SECONDS = 10.0


class Conversations(Protocol):
    """The agents' conversations, as far as processes need them."""

    def hear_growth(self, process_id: str) -> None:
        """The agent printed something."""

    def hear_exit(self, process_id: str, exit: ProcessExit) -> bool:
        """The agent ended. True if its conversation tells the log once all is read."""


def name_signal(number: int) -> str:
    """The name of a signal by its number."""
    try:
        return signals.Signals(number).name
    except ValueError:
        return f"SIG{number}"


def describe_breach(breach: Breach) -> Problem:
    """Why a runner ended a process that took too much."""
    if breach.limit == "memory_limit_mb":
        told = f"held {breach.used} MiB of memory together, where {breach.value} MiB are allowed"
    else:
        told = (
            f"used {breach.used} % of a processor over {(breach.window_ms or 0) / 1000:g} s, where {breach.value} % "
            "are allowed"
        )
    return Problem(
        code="PROCESS_LIMIT",
        message=f"the agent and what it started {told}; they were ended, and session.attach starts the agent again",
        details={"limit": breach.limit, "value": breach.value, "used": breach.used},
    )


def describe_exit(process_id: str, exit: Exit, breach: Breach | None = None) -> ProcessExit:
    """How a process ended, in the protocol's words."""
    return ProcessExit(
        process_id=process_id,
        exit_code=exit.exit_code,
        signal=name_signal(exit.signal) if exit.signal is not None else None,
        problem=describe_breach(breach) if breach is not None else None,
    )


def describe_end(report: ProcessReport) -> ProcessExit:
    """How a process that no longer runs ended, as its runner or its runner's journal tells it."""
    ended = lose(report.process_id)
    if report.exit is not None:
        ended = describe_exit(report.process_id, report.exit, report.breach)
    return _with_size(ended, report.size)


def _with_size(ended: ProcessExit, size: TerminalSize | None) -> ProcessExit:
    """The end of a process on a terminal, with the size that the terminal had last."""
    return ended if size is None else msgspec.structs.replace(ended, cols=size.cols, rows=size.rows)


def lose(process_id: str) -> ProcessExit:
    """The end of a process whose runner died."""
    problem = Problem(
        code="RUNNER_LOST", message="the runner of the lane died; what it held was ended. session.attach goes on"
    )
    return ProcessExit(process_id=process_id, signal="SIGKILL", problem=problem)


class Processes:
    """Terminal effects, and the way of runners' news into the log."""

    def __init__(
        self,
        kernel: Kernel,
        runners: Runners,
        environments: Environments,
        vitals: Vitals,
        conversations: Conversations,
    ) -> None:
        self._kernel = kernel
        self._runners = runners
        self._environments = environments
        self._vitals = vitals
        self._conversations = conversations
        self._tasks: set[asyncio.Task[None]] = set()
        self._letting_go: set[asyncio.Task[None]] = set()
        """Cut without loss: what was not let go is reported to the next server."""

    def effects(self) -> dict[tuple[str, str], Effect]:
        """What the engine runs."""
        return {("terminal", "spawn"): self._spawn, ("terminal", "close"): self._close}

    def give_ups(self) -> dict[tuple[str, str], GiveUp]:
        """How the engine ends what is refused for good. A terminal that closes has closed when its process ended."""

        async def fail(terminal: Terminal, problem: Problem) -> None:
            await self._settle(terminal, problem=problem)

        return {("terminal", "spawn"): fail}

    async def adopt(self, adoption: Adoption) -> None:
        """Brings the log in line with the processes that are there, once, before anything is served: what ended
        meanwhile has ended in the log when this returns."""
        ended: set[str] = set()
        reports = {report.process_id: report for report in adoption.reports}
        unreachable = {runner.lane_id for runner in adoption.unreachable}
        for process in list(self._kernel.state.all("process")):
            report = reports.pop(process.process_id, None)
            if report is None:
                if process.lane_id not in unreachable:
                    self._end(lose(process.process_id))
                    ended.add(process.process_id)
            elif report.state is not ProcessState.RUNNING:
                self._end(describe_end(report))
                ended.add(process.process_id)
            else:
                self._note(report)
        for report in reports.values():
            if not self._is_expected(report.process_id):
                # What it left behind may take a while to be swept, and nobody waits for it.
                self._let_go(self._discard(report))
        self._runners.subscribe(self._hear)
        self._kernel.listen(self._hear_commit)
        try:
            async with asyncio.timeout(ADOPT_SECONDS):
                await self._kernel.until(
                    lambda state: all(state.get("process", process_id) is None for process_id in ended)
                )
        except TimeoutError:
            log.warning("some processes' last output is still being taken in")

    async def close(self) -> None:
        """Waits for news that are on their way to the log."""
        await asyncio.gather(*self._tasks, return_exceptions=True)
        for task in self._letting_go:
            task.cancel()
        await asyncio.gather(*self._letting_go, return_exceptions=True)

    def _is_expected(self, process_id: str) -> bool:
        """Whether an open operation, or the conversation of a session whose turn started it, has yet to record it."""
        state = self._kernel.state
        return any(
            entity.process_id == process_id and (entity.operation is not None or noun == "session")
            for noun in ("session", "terminal")
            for entity in state.all(noun)
        )

    async def _discard(self, report: ProcessReport) -> None:
        """A process whose end is recorded already, or that nothing knows of."""
        try:
            if report.state is ProcessState.RUNNING:
                await self._runners.stop(report.process_id)
            await self._runners.forget(report.process_id)
        except RunnerError as error:
            log.info("process %s cannot be let go: %s", report.process_id, error)

    def _note(self, report: ProcessReport) -> None:
        if report.size is not None:
            self._vitals.sizes[report.process_id] = report.size
        for stream in report.streams.values():
            self._vitals.ends[report.process_id] = stream.end
            break

    def _end(self, ended: ProcessExit) -> None:
        ended = _with_size(ended, self._vitals.sizes.get(ended.process_id))
        if not self._conversations.hear_exit(ended.process_id, ended):
            self._launch(self._tell_exit(ended))

    def _hear(self, event: RunnerEvent) -> None:
        match event:
            case Grew(process_id, stream, end):
                if stream != "err":
                    self._vitals.ends[process_id] = end
                    self._conversations.hear_growth(process_id)
            case Exited(process_id, exit, _, breach):
                self._end(describe_exit(process_id, exit, breach))
            case Throttled(process_id, on, reason):
                self._launch(self._tell_throttle(process_id, on, reason))
            case Stalled(process_id, _, reason):
                self._launch(self._tell_throttle(process_id, reason is not None, reason or ""))
            case Lost(_, process_ids):
                for process_id in process_ids:
                    self._end(lose(process_id))
            case _:
                log.info("runner: %s", event)

    def _hear_commit(self, committed: Committed) -> None:
        """What was forgotten takes its tapes along."""
        for event in committed.events:
            if not event.topic.drops:
                continue
            if isinstance(event.entity, Terminal):
                self._let_go(self._erase(event.entity.process_id))
            elif isinstance(event.entity, Session):
                for process_id, _ in self._kernel.store.select(Selection("process", session_id=event.id)):
                    self._let_go(self._erase(process_id))

    async def _erase(self, process_id: str) -> None:
        try:
            # Its end is recorded, and whoever tells the runner so may be on the way still.
            await self._runners.forget(process_id)
            await self._runners.erase(process_id)
        except RunnerError as error:
            log.info("the tapes of %s stay: %s", process_id, error)

    def _launch(self, work: Coroutine[Any, Any, None]) -> None:
        _start(self._tasks, work)

    def _let_go(self, work: Coroutine[Any, Any, None]) -> None:
        _start(self._letting_go, work)

    async def _tell_exit(self, ended: ProcessExit) -> None:
        await tell_exit(self._kernel, ended)
        self._vitals.forget_process(ended.process_id)
        self._let_go(let_go(self._runners, ended.process_id))

    async def _tell_throttle(self, process_id: str, on: bool, reason: str) -> None:
        for terminal in self._kernel.state.all("terminal"):
            if terminal.process_id == process_id:
                try:
                    await self._kernel.perform(
                        "terminal.throttle",
                        TerminalThrottle(on=on, reason=reason or None),
                        terminal_id=terminal.terminal_id,
                    )
                except Refusal as refusal:
                    log.debug("%s", refusal.message)
                return

    async def _spawn(self, terminal: Terminal) -> None:
        operation = terminal.operation
        assert operation is not None
        named = (operation.details or {}).get("env_names") or ()
        caller = self._environments.find(operation.correlation_id)
        if named and (caller is None or set(named) - set(caller.named)):
            refusal = Refusal(
                "INTERRUPTED_BY_RESTART",
                f"the server restarted and no longer has the values of {', '.join(named)}; spawn the terminal again",
            )
            await self._settle(terminal, problem=refusal.problem())
            return
        plan = SpawnPlan(
            process_id=terminal.process_id,
            argv=terminal.argv,
            cwd=terminal.cwd,
            env={
                "TERM": "xterm-256color",
                **name_place(self._kernel.state, terminal.lane_id, terminal.cwd),
                **self._environments.compose(operation.correlation_id),
            },
            size=TerminalSize(terminal.cols, terminal.rows),
        )
        reached("spawn.before")
        try:
            report = await self._runners.spawn(terminal.lane_id, plan)
        except RunnerError as error:
            await self._settle(terminal, problem=refuse_runner(error).problem())
            return
        reached("spawn.after")
        self._note(report)
        await self._settle(terminal, pid=report.pid)
        if report.state is not ProcessState.RUNNING:
            self._end(describe_end(report))

    async def _settle(self, terminal: Terminal, **outcome: Any) -> None:
        assert terminal.operation is not None
        await self._kernel.perform(
            "terminal.settle",
            TerminalSettle(**outcome),
            correlation_id=terminal.operation.correlation_id,
            terminal_id=terminal.terminal_id,
        )

    async def _close(self, terminal: Terminal) -> None:
        assert terminal.operation is not None
        grace = (terminal.operation.details or {}).get("grace_ms", DEFAULT_GRACE_MS)
        try:
            await self._runners.stop(terminal.process_id, grace_ms=int(grace))
        except RunnerError as error:
            log.info("terminal %s: %s", terminal.terminal_id, error)
            if self._kernel.state.get("process", terminal.process_id) is not None and not error.retryable:
                await self._tell_exit(lose(terminal.process_id))


def _start(tasks: set[asyncio.Task[None]], work: Coroutine[Any, Any, None]) -> None:
    task = asyncio.create_task(work)
    tasks.add(task)
    task.add_done_callback(tasks.discard)


async def tell_exit(kernel: Kernel, ended: ProcessExit) -> None:
    """Records a process' end, once. Waits while the log cannot be written."""
    while True:
        try:
            correlation_id = _correlate(kernel.state, ended.process_id)
            reached("exit.before")
            await kernel.perform("process.exit", ended, correlation_id=correlation_id)
            break
        except Refusal as refusal:
            if refusal.code != "STORE_UNAVAILABLE":
                log.debug("%s", refusal.message)
                break
        await asyncio.sleep(1.0)
    reached("exit.after")


async def let_go(runners: Runners, process_id: str) -> None:
    """Lets a runner forget a process whose end is recorded, once what it left behind is gone."""
    try:
        await runners.forget(process_id)
    except RunnerError as error:
        log.debug("%s", error)
    reached("exit.forgotten")


def _correlate(state: State, process_id: str) -> str | None:
    """The correlation of the operation that wanted the process to end, if one did."""
    for noun in ("session", "terminal"):
        for entity in state.all(noun):
            if entity.process_id == process_id and entity.operation is not None:
                return str(entity.operation.correlation_id)
    return None
