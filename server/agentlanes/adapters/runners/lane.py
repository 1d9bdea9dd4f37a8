"""One lane's runner as the server holds it: connected, away, or dead, and what is known of its processes."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import signal
from collections.abc import Callable, Mapping
from pathlib import Path

from msgspec.structs import replace

from agentlanes.adapters.runners import burial
from agentlanes.adapters.runners.connection import Connection, ConnectionLostError, Fields, RunnerEndingError
from agentlanes.adapters.runners.launch import launch_runner, start_failed
from agentlanes.adapters.runners.place import RunnerPlace
from agentlanes.adapters.runners.processes import Processes
from agentlanes.adapters.runners.report import encode_plan
from agentlanes.adapters.runners.survivors import sweep_processes
from agentlanes.kernel.ports.runners import (
    Lost,
    ProcessReport,
    ProcessState,
    Replaced,
    RunnerError,
    RunnerErrorCode,
    RunnerEvent,
    SpawnPlan,
    Swept,
)
from agentlanes.runner.journal import read_journal
from agentlanes.runner.table import read_boot_id, signal_entry

log = logging.getLogger(__name__)

REACH_WITHIN = 30.0
"""Seconds in which a runner that lives must be reached, or one that ends must have ended."""
END_WITHIN = 3.0
"""Seconds that a runner may need to sweep its lane, beyond the graces that its processes are given."""
RETRY_PAUSE = 0.02
RETRY_PAUSE_LONGEST = 2.0
LAUNCH_ATTEMPTS = 3
LOOK_EVERY = 1.0
"""Seconds after which a runner that ends a process is asked whether it still answers."""
ANSWER_WITHIN = 5.0
"""Seconds that it may take for that. Other agents end with it, so a busy machine is no reason."""


class RunnerGoneError(Exception):
    """The lane has no runner, and none is to be started."""


class LaneRunner:
    """Connects on demand, connects again when the connection breaks, and buries the runner when it is dead."""

    def __init__(
        self, place: RunnerPlace, tapes_dir: Path, linger_ms: int, publish: Callable[[RunnerEvent], None]
    ) -> None:
        self.place = place
        self.processes = Processes(place.lane_id, tapes_dir, publish)
        self.features: frozenset[str] = frozenset()
        """What the runner can do beyond the first of its protocol version."""
        self.buried_with_losses = False
        """Its last runner died with processes."""
        self._tapes_dir = tapes_dir
        self._linger_ms = linger_ms
        self._publish = publish
        self._connection: Connection | None = None
        self._final_error: RunnerError | None = None
        self._connecting = asyncio.Lock()
        self._recovery: asyncio.Task[None] | None = None
        self._closing = False

    @property
    def lane_id(self) -> str:
        return self.place.lane_id

    async def spawn(self, plan: SpawnPlan) -> ProcessReport:
        """Raises RunnerError. The report is the newest that is known when this returns."""

        def take(fields: Fields) -> None:
            report = self.processes.decode(fields)
            self.processes.reports.setdefault(plan.process_id, report)

        try:
            fields = await self.request("spawn", encode_plan(plan), take, start_for=plan.process_id)
        except RunnerGoneError:
            # A runner took the plan and died: what a process id stands for is started once.
            return self.processes.reports[plan.process_id]
        return self.processes.reports.get(plan.process_id) or self.processes.decode(fields)

    async def request(
        self,
        op: str,
        fields: Mapping[str, object],
        taken: Callable[[Fields], None] = lambda _: None,
        *,
        start_for: str | None = None,
        repeatable: bool = True,
    ) -> Fields:
        """Ask the runner. Raises RunnerError, and RunnerGoneError if there is none and none is to be started: one is
        started for a process that no runner has taken yet.

        What is `repeatable` is asked again after the connection broke; the runner drops what it did already.
        """
        deadline = asyncio.get_running_loop().time() + REACH_WITHIN
        while True:
            connection = await self.connect(start_for=start_for)
            try:
                return await connection.request(op, fields, taken)
            except RunnerEndingError:
                await connection.closed.wait()
            except ConnectionLostError as error:
                if not repeatable:
                    message = f"the connection broke during {op}"
                    raise RunnerError(RunnerErrorCode.RUNNER_UNREACHABLE, message) from error
            if asyncio.get_running_loop().time() > deadline:
                raise self._unreachable()

    async def connect(self, *, start_for: str | None = None) -> Connection:
        """The connection to the lane's runner. Raises as `request` does."""
        async with self._connecting:
            if self._final_error is not None:
                raise self._final_error
            if self._closing:
                raise self._unreachable()
            if self._connection is not None:
                return self._connection
            deadline = asyncio.get_running_loop().time() + REACH_WITHIN
            launches = 0
            while True:
                connection = await self._open()
                if connection is not None:
                    return connection
                if await self._bury():
                    if start_for is None or start_for in self.processes.reports:
                        raise RunnerGoneError
                    if launches == LAUNCH_ATTEMPTS:
                        raise start_failed(self.place, "it ended right after it had started", None)
                    launches += 1
                    await launch_runner(self.place, self._tapes_dir, self._linger_ms)
                elif asyncio.get_running_loop().time() > deadline:
                    raise self._unreachable()
                else:
                    await asyncio.sleep(RETRY_PAUSE)

    def read_reports(self) -> int:
        """Take from the journal of a runner that cannot be spoken to what it tells. Returns the runner's pid."""
        story = read_journal(str(self.place.journal), alive=True)
        for report in self.processes.decode_all(story.processes):
            self.processes.reports.setdefault(report.process_id, report)
        return story.runner_pid

    async def wait_ended(self) -> None:
        """Return when the runner has ended and its journal was read."""
        while True:
            try:
                connection = await self.connect()
            except RunnerGoneError:
                return
            await connection.closed.wait()

    async def end(self, grace_ms: int) -> None:
        """Stop every process and wait until the runner has ended; kill it if it does not, or cannot be spoken to."""
        try:
            async with asyncio.timeout(2 * grace_ms / 1000 + END_WITHIN):
                await self.request("shutdown", {"grace_ms": grace_ms})
                await self.wait_ended()
        except RunnerGoneError:
            return
        except (TimeoutError, RunnerError) as error:
            log.warning("the runner of %s does not end and is killed: %s", self.lane_id, error or "it takes too long")
            await self._kill()

    async def _kill(self) -> None:
        """End the runner itself. Whoever hears of it buries it, and what it held."""
        story = read_journal(str(self.place.journal), alive=True)
        if story.ended or story.boot_id != read_boot_id():
            return
        with contextlib.suppress(PermissionError):
            signal_entry(story.runner_pid, story.runner_start, signal.SIGKILL)
        with contextlib.suppress(RunnerGoneError, TimeoutError, RunnerError):
            async with asyncio.timeout(REACH_WITHIN):
                await self.wait_ended()

    async def stop(self, process_id: str, grace_ms: int) -> None:
        """Begin to end a process; when the runner is gone, sweep what the process left behind."""
        try:
            await self._ask_to_stop(process_id, grace_ms)
        except RunnerGoneError:
            hit, left = await asyncio.to_thread(sweep_processes, self._tapes_dir, (process_id,))
            report = self.processes.reports.get(process_id)
            if report is not None:
                self.processes.hear_sweep(report, Swept(process_id, hit - len(left), left))

    async def _ask_to_stop(self, process_id: str, grace_ms: int) -> None:
        def take(_: Fields) -> None:
            report = self.processes.reports.get(process_id)
            if report is not None and report.state is ProcessState.EXITED and report.swept is None:
                # It had ended by itself; what it left behind is swept now, and that will be told.
                self.processes.reports[process_id] = replace(report, sweeping=True)

        await self.request("stop", {"process_id": process_id, "grace_ms": grace_ms}, take)

    async def stop_fully(self, process_id: str, grace_ms: int) -> tuple[int, ...]:
        """End a process and all that it left behind. Returns the pids that would not die.

        A runner that does not answer meanwhile is killed, and with it what else it holds.
        """
        try:
            async with asyncio.timeout(ANSWER_WITHIN):
                await self._ask_to_stop(process_id, grace_ms)
            while (report := self.processes.reports.get(process_id)) is not None:
                if report.state is not ProcessState.RUNNING and not report.sweeping:
                    return report.swept.left if report.swept is not None else ()
                await self._watch_answering()
        except RunnerGoneError:
            pass
        except (TimeoutError, RunnerError) as error:
            code = error.code if isinstance(error, RunnerError) else None
            if code is RunnerErrorCode.RUNNER_REPLACED or self._closing:
                raise
            if code not in (RunnerErrorCode.PROCESS_UNKNOWN, RunnerErrorCode.PROCESS_ENDED):
                log.warning("the runner of %s does not answer and is killed: %s", self.lane_id, error)
                await self._kill()
        _, left = await asyncio.to_thread(sweep_processes, self._tapes_dir, (process_id,))
        return left

    async def _watch_answering(self) -> None:
        """Return at the next news, or when a runner without any has answered. Raises as `request`, and TimeoutError."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(LOOK_EVERY):
                return await self._wait_for_news()
        async with asyncio.timeout(ANSWER_WITHIN):
            try:
                await self.request("measure", {"process_ids": ()})
            except RunnerError as error:
                if error.code is not RunnerErrorCode.BAD_REQUEST:
                    raise
                # An older one does not know the word, and answers.

    async def _wait_for_news(self) -> None:
        """Return when a report has changed. Raises RunnerError when none will."""
        if self._final_error is not None:
            raise self._final_error
        if self._closing:
            raise self._unreachable()
        await self.processes.wait_for_news()

    async def forget(self, process_id: str) -> None:
        """Have the end of a process forgotten, by the runner or, when it is gone, in its journal.

        Until what it left behind is gone nobody may forget it: who is told of its end has to hear of that too.
        """
        while (report := self.processes.reports.get(process_id)) is not None and report.sweeping:
            await self._wait_for_news()
        while True:
            if await self._forget(process_id):
                break
            await asyncio.sleep(RETRY_PAUSE)
        self.processes.forget(process_id)

    async def _forget(self, process_id: str) -> bool:
        """False where a runner took the journal between the look at the old one and our lock."""
        try:
            await self.request("forget", {"process_id": process_id})
        except RunnerGoneError:
            # One of us at a time: two locks of one process on one file exclude each other as well.
            async with self._connecting:
                return await asyncio.to_thread(burial.forget, self.place, process_id)
        return True

    async def close(self) -> None:
        """Disconnect; the runner lives on."""
        self._closing = True
        self.processes.tell_news()
        if self._recovery is not None:
            self._recovery.cancel()
            await asyncio.gather(self._recovery, return_exceptions=True)
        if self._connection is not None:
            connection = self._connection
            connection.close()
            await connection.closed.wait()

    async def _open(self) -> Connection | None:
        """Connect if somebody listens. None if it is worth looking whether the runner lives."""
        try:
            connection = await Connection.open(self.place.socket, self.lane_id, self._greet, self._hear, self._lose)
        except (OSError, ConnectionLostError):
            return None
        if connection.closed.is_set():
            return None
        self._connection = connection
        return connection

    def _greet(self, answer: Fields) -> None:
        self.features = frozenset(answer.get("features", ()))
        self.processes.adopt([self.processes.decode(fields) for fields in answer["processes"]])

    async def _bury(self) -> bool:
        """If the runner is dead, kill what it left behind and read how its processes ended. False if it lives."""
        story = await asyncio.to_thread(burial.bury, self.place)
        if story is None:
            return False
        found = self.processes.decode_all(story.processes)
        # Nothing of it is left, told or not.
        self.processes.adopt(
            [replace(report, sweeping=False) for report in found if report.state is not ProcessState.LOST]
        )
        lost = [report for report in found if report.state is ProcessState.LOST]
        self.buried_with_losses = self.buried_with_losses or (bool(lost) and not story.ended)
        told = [report.process_id for report in lost if self.processes.is_running(report.process_id)]
        self.processes.reports.update((report.process_id, report) for report in lost)
        if told:
            self._publish(Lost(self.lane_id, tuple(told)))
        self.processes.tell_news()
        return True

    def _hear(self, event: Fields) -> None:
        if event["ev"] != "replaced":
            self.processes.hear(event)
            return
        message = "another server took over the runner of this lane"
        self._final_error = RunnerError(RunnerErrorCode.RUNNER_REPLACED, message, {"lane_id": self.lane_id})
        self._publish(Replaced(self.lane_id))
        self.processes.tell_news()

    def _lose(self, connection: Connection) -> None:
        if connection is not self._connection:
            return
        self._connection = None
        self.recover()

    def recover(self) -> None:
        """Get back to the runner in the background, or notice that it is dead."""
        if not self._closing and self._final_error is None:
            self._recovery = asyncio.get_running_loop().create_task(self._recover())

    async def _recover(self) -> None:
        pause = RETRY_PAUSE
        while True:
            try:
                await self.connect()
            except RunnerGoneError:
                return
            except RunnerError as error:
                if not error.retryable:
                    return
                log.warning("the runner of %s is not reached: %s", self.lane_id, error)
                await asyncio.sleep(pause)
                pause = min(pause * 2, RETRY_PAUSE_LONGEST)
            else:
                return

    def _unreachable(self) -> RunnerError:
        message = f"the runner of {self.lane_id} lives and cannot be reached"
        return RunnerError(RunnerErrorCode.RUNNER_UNREACHABLE, message, {"lane_id": self.lane_id})
