"""The runners of this machine, reached over unix sockets."""

from __future__ import annotations

import asyncio
import binascii
import contextlib
import logging
import shutil
from collections.abc import Callable, Collection, Mapping, Sequence
from pathlib import Path

from agentlanes.adapters.runners.lane import LaneRunner, RunnerGoneError
from agentlanes.adapters.runners.place import RunnerPlace, list_forgotten_logs, list_journals
from agentlanes.adapters.runners.survivors import sweep_lanes, sweep_processes
from agentlanes.adapters.runners.tapes import open_tape
from agentlanes.kernel.ports.runners import (
    Adoption,
    Listener,
    ProcessReport,
    ProcessState,
    RunnerError,
    RunnerErrorCode,
    RunnerEvent,
    SpawnPlan,
    Stream,
    TapeReader,
    TerminalSize,
    UnreachableRunner,
    Usage,
)
from agentlanes.runner.journal import read_journal

log = logging.getLogger(__name__)


class LocalRunners:
    """Implements the port `Runners`, one runner process per lane.

    `run_dir` holds sockets and journals and must be short: a socket's path is limited to 100 bytes. `tapes_dir` holds
    `<process id>/<stream>/`. `linger_ms` is how long a runner stays after its last process. Raises ValueError if
    `run_dir` is too deep.
    """

    def __init__(self, run_dir: Path, tapes_dir: Path, *, linger_ms: int = 2000) -> None:
        RunnerPlace.of_lane(run_dir, "x" * 10)
        self._run_dir = run_dir
        # Processes are marked with this path, and must be found by it however the next server spells it.
        self._tapes_dir = tapes_dir.resolve()
        self._linger_ms = linger_ms
        self._lanes: dict[str, LaneRunner] = {}
        self._listeners: list[Listener] = []

    async def start(self) -> Adoption:
        """Find the runners that live, connect to them, read the journals of those that do not."""
        for folder in (self._run_dir, self._tapes_dir):
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        for path in list_forgotten_logs(self._run_dir):
            log.warning("a runner had trouble: %s", path.read_text(errors="replace"))
            path.unlink()
        lanes = []
        for path in list_journals(self._run_dir):
            # A journal without a first line belongs to a runner that is just starting, or died doing so.
            lane_id = read_journal(str(path), alive=True).lane_id
            if lane_id:
                lanes.append(self._lane(lane_id))
        unreachable = await asyncio.gather(*(self._adopt(lane) for lane in lanes))
        return Adoption(
            reports=self.reports(),
            lost_lanes=tuple(lane.lane_id for lane in lanes if lane.buried_with_losses),
            unreachable=tuple(each for each in unreachable if each is not None),
        )

    async def close(self) -> None:
        """Disconnect. Runners and their processes live on."""
        await asyncio.gather(*(lane.close() for lane in self._lanes.values()))

    def subscribe(self, listener: Listener) -> Callable[[], None]:
        """Call `listener` on the loop for every event, until the returned function is called."""
        self._listeners.append(listener)
        return lambda: self._listeners.remove(listener)

    def reports(self) -> tuple[ProcessReport, ...]:
        """Every process that was not forgotten, as last heard."""
        return tuple(report for lane in self._lanes.values() for report in lane.processes.reports.values())

    async def spawn(self, lane_id: str, plan: SpawnPlan) -> ProcessReport:
        """Start a process, and the lane's runner if none runs. A repeat of a process id answers with its report."""
        lane = self._lane(lane_id)
        known = lane.processes.reports.get(plan.process_id)
        if known is not None and known.state is not ProcessState.RUNNING:
            return known
        return await lane.spawn(plan)

    async def write(
        self,
        process_id: str,
        data: bytes,
        *,
        n: int | None = None,
        input_id: str | None = None,
        kept: bytes | None = None,
    ) -> None:
        """Append to the process's stdin or terminal; returns when the runner holds it."""
        fields = {"n": n, "input_id": input_id, "data": binascii.b2a_base64(data, newline=False).decode()}
        if kept is not None:
            fields["kept"] = binascii.b2a_base64(kept, newline=False).decode()
        await self._ask(process_id, "write", fields, repeatable=n is not None or input_id is not None)

    async def resize(self, process_id: str, size: TerminalSize) -> None:
        """Set the size of a terminal; NOT_A_TERMINAL for a process on pipes."""
        await self._ask(process_id, "resize", {"cols": size.cols, "rows": size.rows})

    async def signal(self, process_id: str, signal: int) -> None:
        """Send a signal to the process's group."""
        await self._ask(process_id, "signal", {"signal": signal}, repeatable=False)

    async def close_stdin(self, process_id: str) -> None:
        """Close stdin once all that was written is delivered; a terminal is sent its end-of-file character."""
        await self._ask(process_id, "close_stdin", repeatable=False)

    async def stop(self, process_id: str, *, grace_ms: int = 3000) -> None:
        """Ask for the end, step by step, and a sweep; `Exited` and `Swept` follow."""
        await self._find_known(process_id).stop(process_id, grace_ms)

    async def stop_fully(self, process_ids: Sequence[str], *, grace_ms: int = 3000) -> tuple[int, ...]:
        """End processes and all that they left behind. Returns the pids that would not die."""
        known = {process_id: lane for process_id in process_ids if (lane := self._find(process_id)) is not None}
        left = await asyncio.gather(*(lane.stop_fully(process_id, grace_ms) for process_id, lane in known.items()))
        unknown = [process_id for process_id in process_ids if process_id not in known]
        if unknown:
            _, found = await asyncio.to_thread(sweep_processes, self._tapes_dir, unknown)
            left.append(found)
        return tuple(pid for pids in left for pid in pids)

    async def limit(self, process_id: str, *, memory_mb: int | None = None, cpu_percent: int | None = None) -> None:
        """Hold a process with all below it to a limit, in place of the one that was; to none without any."""
        lane = self._find_known(process_id)
        with contextlib.suppress(RunnerGoneError):
            await lane.connect()
        if "limit" not in lane.features:
            raise RunnerError(
                RunnerErrorCode.RUNNER_TOO_OLD,
                f"the runner of {lane.lane_id} cannot limit memory or cpu: an older version started it, or its system "
                "does not tell what processes take; a runner is started anew once nothing runs in its lane",
            )
        await self._ask(process_id, "limit", {"memory_mb": memory_mb, "cpu_percent": cpu_percent})

    async def measure(self, process_ids: Collection[str]) -> Mapping[str, Usage]:
        """What processes take now. Those that do not run, or whose runner cannot tell, are left out."""
        lanes: dict[LaneRunner, list[str]] = {}
        for process_id in process_ids:
            lane = self._find(process_id)
            if lane is not None and "measure" in lane.features:
                lanes.setdefault(lane, []).append(process_id)
        found = await asyncio.gather(*(self._measure(lane, ids) for lane, ids in lanes.items()))
        return {process_id: usage for usages in found for process_id, usage in usages.items()}

    async def _measure(self, lane: LaneRunner, process_ids: list[str]) -> dict[str, Usage]:
        try:
            answer = await lane.request("measure", {"process_ids": process_ids})
        except (RunnerGoneError, RunnerError) as error:
            log.debug("%s cannot be measured: %s", lane.lane_id, error)
            return {}
        return {process_id: Usage(**fields) for process_id, fields in answer["usages"].items()}

    async def release(self, process_id: str, offset: int, *, stream: Stream = "out") -> None:
        """Say that a lossless tape was read up to `offset`: older segments may go."""
        # A runner that is gone drops nothing any more.
        with contextlib.suppress(RunnerGoneError):
            fields = {"process_id": process_id, "stream": stream, "offset": offset}
            await self._find_known(process_id).request("release", fields)

    async def forget(self, process_id: str) -> None:
        """Say that the end of this process is recorded. It is no longer reported once what it left behind is gone."""
        lane = self._find(process_id)
        if lane is not None:
            await lane.forget(process_id)

    async def erase(self, process_id: str) -> None:
        """Delete the tapes of a process that was forgotten; BAD_REQUEST for one that is still reported."""
        if self._find(process_id) is not None:
            raise RunnerError(RunnerErrorCode.BAD_REQUEST, f"process {process_id} is not forgotten")
        folder = self._tapes_dir / process_id
        if folder.parent != self._tapes_dir or not process_id.strip("."):
            raise RunnerError(RunnerErrorCode.BAD_REQUEST, f"{process_id!r} names no tapes")
        await asyncio.to_thread(shutil.rmtree, folder, ignore_errors=True)

    async def stop_lane(self, lane_id: str, *, grace_ms: int = 2000) -> None:
        """Stop every process of the lane, whatever they left behind too, and wait until its runner has ended."""
        await self.stop_lanes((lane_id,), grace_ms=grace_ms)

    async def stop_lanes(self, lane_ids: Sequence[str], *, grace_ms: int = 2000) -> tuple[int, ...]:
        """The same of several lanes at once. A runner that does not do it in time is killed and its processes with it,
        so this ends soon whatever fights back. Returns the pids that would not die."""
        await asyncio.gather(*(self._lane(lane_id).end(grace_ms) for lane_id in lane_ids))
        _, left = await asyncio.to_thread(sweep_lanes, self._tapes_dir, lane_ids)
        return left

    def tape(self, process_id: str, stream: Stream) -> TapeReader:
        """Open a tape. Also of processes that ended long ago; an unknown one is empty."""
        return open_tape(self._tapes_dir, process_id, stream)

    async def _adopt(self, lane: LaneRunner) -> UnreachableRunner | None:
        try:
            await lane.connect()
        except RunnerGoneError:
            return None
        except RunnerError as error:
            if error.retryable:
                lane.recover()
            return UnreachableRunner(lane.lane_id, lane.read_reports(), error)
        return None

    async def _ask(
        self, process_id: str, op: str, fields: Mapping[str, object] | None = None, *, repeatable: bool = True
    ) -> None:
        lane = self._find_known(process_id)
        try:
            await lane.request(op, {"process_id": process_id, **(fields or {})}, repeatable=repeatable)
        except RunnerGoneError:
            raise self._gone(lane, process_id) from None

    def _gone(self, lane: LaneRunner, process_id: str) -> RunnerError:
        report = lane.processes.reports.get(process_id)
        if report is not None and report.state is ProcessState.LOST:
            return RunnerError(RunnerErrorCode.RUNNER_LOST, f"the runner of process {process_id} died")
        return RunnerError(RunnerErrorCode.PROCESS_ENDED, f"process {process_id} has ended")

    def _find_known(self, process_id: str) -> LaneRunner:
        lane = self._find(process_id)
        if lane is None:
            raise RunnerError(RunnerErrorCode.PROCESS_UNKNOWN, f"no process {process_id}")
        return lane

    def _find(self, process_id: str) -> LaneRunner | None:
        for lane in self._lanes.values():
            if process_id in lane.processes.reports:
                return lane
        return None

    def _lane(self, lane_id: str) -> LaneRunner:
        lane = self._lanes.get(lane_id)
        if lane is None:
            try:
                place = RunnerPlace.of_lane(self._run_dir, lane_id)
            except ValueError as error:
                raise RunnerError(RunnerErrorCode.BAD_REQUEST, str(error)) from None
            lane = self._lanes[lane_id] = LaneRunner(place, self._tapes_dir, self._linger_ms, self._publish)
        return lane

    def _publish(self, event: RunnerEvent) -> None:
        for listener in list(self._listeners):
            try:
                listener(event)
            except Exception:
                # One listener's defect must keep neither the others nor the connection from going on.
                log.exception("a listener failed on %s", event)
