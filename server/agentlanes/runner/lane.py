"""The processes of one lane: how each begins and ends, and when their runner does."""

from __future__ import annotations

import os
import time

from agentlanes.runner.ingest import Ingest
from agentlanes.runner.journal import Journal, Record, read_journal
from agentlanes.runner.link import Link
from agentlanes.runner.loop import CONTROL, Loop, Timer
from agentlanes.runner.process import Process, Stream
from agentlanes.runner.spawn import Start, start_on_pipes, start_on_terminal
from agentlanes.runner.stop import Stopper
from agentlanes.runner.table import read_boot_id, read_start
from agentlanes.runner.warden import Limit, Usage, Warden
from agentlanes.runner.wire import RUNNER_PROTOCOL

TYPE_CHECKING = False
if TYPE_CHECKING:
    from agentlanes.runner.tape import Writer

FIRST_SPAWN_WITHIN = 30.0
"""Seconds after which a runner that was given nothing to do ends."""
RETRY_JOURNAL = 1.0
END_POLL = 0.05
GIVE_UP_AFTER = 5.0
"""Seconds for which a runner with nothing left alive waits for a disk or for a server that does not read."""


class Settings:
    """What a runner is started with; `linger` is in seconds. The last two are for its children."""

    __slots__ = ("home", "journal_path", "lane_id", "linger", "open_files", "socket_path", "umask")

    def __init__(
        self,
        lane_id: str,
        socket_path: str,
        home: str,
        journal_path: str,
        linger: float,
        open_files: tuple[int, int],
        umask: int,
    ) -> None:
        self.lane_id = lane_id
        self.socket_path = socket_path
        self.home = home
        self.journal_path = journal_path
        self.linger = linger
        self.open_files = open_files
        self.umask = umask


class Lane:
    """Owns the children: it alone starts and reaps them. Ends the loop some time after the last one has ended."""

    def __init__(self, loop: Loop, settings: Settings, link: Link, journal: Journal) -> None:
        self._loop = loop
        self._journal = journal
        self._runner_id = f"{settings.lane_id}/{os.getpid()}/{int(time.time() * 1000)}"
        self._link = link
        self._ingest = Ingest(loop, link.grew, self._stalled, self._throttled, self._closed)
        self._stopper = Stopper(loop, settings.home, settings.lane_id, self._swept)
        self._warden = Warden(loop, settings.home, self._exceed)
        self._by_pid: dict[int, Process] = {}
        self._start = read_start(os.getpid()) or 0
        self._spared = False
        """A process ended and what it left behind was let live, so that no orphan can be told to be another's."""
        self._owed: list[Process] = []
        """Ended during a shutdown: one sweep of the lane stands for a sweep of each."""
        self._lane_sweeping = False
        self._lane_swept = False
        self._flushing_journal = False
        self._linger = FIRST_SPAWN_WITHIN
        self._idle_since = time.monotonic()
        self._end_timer: Timer | None = None
        self.settings = settings
        self.ending = False
        self.processes: dict[str, Process] = {}
        self.told: dict[str, Record] = {
            process_id: {"process_id": process_id, **fields}
            for process_id, fields in read_journal(settings.journal_path, alive=False).processes.items()
        }
        """Processes of earlier runners of this lane that no server has forgotten yet."""
        self.record(
            "start",
            version=RUNNER_PROTOCOL,
            runner_id=self._runner_id,
            pid=os.getpid(),
            start=self._start,
            boot_id=read_boot_id(),
            lane_id=settings.lane_id,
            home=settings.home,
        )
        self._consider_end()

    def report(self) -> dict[str, object]:
        return {
            "runner_id": self._runner_id,
            "pid": os.getpid(),
            "lane_id": self.settings.lane_id,
            "processes": [
                *self.told.values(),
                *(
                    {**process.report(), "limited": self._warden.is_limited(process)}
                    for process in self.processes.values()
                    if not process.forgotten
                ),
            ],
        }

    def spawn(
        self,
        process_id: str,
        start: Start,
        size: tuple[int, int] | None,
        tapes: dict[str, Writer],
        *,
        sweep_on_exit: bool,
    ) -> Process:
        """Start a child. Raises OSError if it cannot be started, or if the journal cannot tell of it."""
        self._linger = self.settings.linger
        self._idle_since = time.monotonic()
        cols, rows = size or (None, None)
        self._journal.append_or_fail("spawning", process_id=process_id, pty=size is not None, cols=cols, rows=rows)
        stdin: int | None = None
        try:
            if size is not None:
                pid, master = start_on_terminal(start, *size)
                outputs = {"pty": master}
            else:
                pid, stdin, out, err = start_on_pipes(start)
                outputs = {"out": out, "err": err}
        except OSError:
            self.record("spawn_failed", process_id=process_id)
            raise
        process = Process(process_id, pid, read_start(pid) or 0, time.time(), sweep_on_exit=sweep_on_exit)
        process.size = size
        process.stdin = stdin
        process.sent = tapes.get("in")
        self.processes[process_id] = process
        self._by_pid[pid] = process
        self.record("spawned", process_id=process_id, pid=pid, start=process.start)
        for name, fd in outputs.items():
            stream = Stream(process, name, fd, tapes[name])
            process.streams[name] = stream
            if size is not None:
                stream.tape.note("resize", cols=cols, rows=rows)
            self._ingest.add(stream)
        if stdin is not None:
            process.stdin_watch = self._loop.watch(stdin, CONTROL, writable=lambda: self.deliver(process))
        elif process.terminal is not None and process.terminal.watch is not None:
            process.terminal.watch.writable = lambda: self.deliver(process)
        return process

    def type_in(self, process: Process) -> None:
        """Input came: write what can be written, and have an eye on the terminal's answer."""
        if process.terminal is not None:
            self._ingest.typed(process)
        self.deliver(process)

    def deliver(self, process: Process) -> None:
        """Write what waits in the inbox as far as the process takes it, the rest when it takes more."""
        fd = process.input_fd
        if fd is None:
            process.inbox.discard()
            return
        try:
            done = process.inbox.deliver(fd)
        except OSError:
            # Nobody reads it any more.
            process.inbox.discard()
            process.stdin_closing = True
            done = True
        watch = process.terminal.watch if process.terminal is not None else process.stdin_watch
        if watch is not None:
            watch.want(write=not done)
        if done and process.stdin_closing and process.terminal is None:
            process.close_stdin()

    def release(self, stream: Stream, offset: int) -> None:
        stream.tape.release(offset)
        self._ingest.released(stream)

    def limit(self, process: Process, limit: Limit | None) -> None:
        """Hold a process and all below it to a limit from now on, or to none."""
        self._warden.limit(process, limit)

    def measure(self, process: Process) -> Usage:
        """What a process and all below it take."""
        return self._warden.measure(process)

    def _exceed(self, process: Process, breach: dict[str, object]) -> None:
        if process.running:
            process.breach = breach
            self.record("breach", process_id=process.id, breach=breach)
            self._stopper.end_now(process)

    def stop(self, process: Process, grace: float) -> None:
        """Begin to end it; what it left behind too, if it has ended already."""
        if process.running:
            self._stopper.stop(process, grace)
        elif not process.stopping:
            process.stopping = True
            self.record("sweeping", process_id=process.id)
            self._sweep(process)

    def forget(self, process_id: str) -> None:
        """A server has recorded how the process ended. Unknown ids were forgotten before."""
        process = self.processes.get(process_id)
        if process is not None:
            if not process.forgotten:
                process.forgotten = True
                if not process.sweeping:
                    self.record("forgotten", process_id=process_id)
                self._settle(process)
        elif self.told.pop(process_id, None) is not None:
            self.record("forgotten", process_id=process_id)

    def shut_down(self, grace: float) -> None:
        """Stop everything, sweep the lane, then end."""
        self.ending = True
        for process in self.processes.values():
            if process.running:
                self._stopper.stop(process, grace)
        self._consider_end()

    def reap(self) -> None:
        """Collect every child that has ended, adopted orphans too."""
        while True:
            try:
                pid, status = os.waitpid(-1, os.WNOHANG)
            except ChildProcessError:
                return
            if pid == 0:
                return
            process = self._by_pid.pop(pid, None)
            if process is None:
                self._stopper.strays += 1
            else:
                self._end_process(process, os.waitstatus_to_exitcode(status))

    def record(self, kind: str, **fields: object) -> None:
        """Write to the journal, later if the disk does not allow it now."""
        if not self._journal.append(kind, **fields) and not self._flushing_journal:
            self._flushing_journal = True
            self._loop.later(RETRY_JOURNAL, self._flush_journal)

    def _flush_journal(self) -> None:
        self._flushing_journal = not self._journal.flush()
        if self._flushing_journal:
            self._loop.later(RETRY_JOURNAL, self._flush_journal)

    def _end_process(self, process: Process, code: int) -> None:
        process.exited_at = time.time()
        self._stopper.ended(process)
        self._warden.forget(process)
        process.exit_code, process.signal = (code, None) if code >= 0 else (None, -code)
        process.throttled = False
        process.close_stdin()
        for stream in process.streams.values():
            self._ingest.drain(stream)
            stream.tape.note("exit", exit_code=process.exit_code, signal=process.signal)
        self._link.flush(process)
        sweep = process.stopping or process.sweep_on_exit
        outcome = {
            "process_id": process.id,
            "exit_code": process.exit_code,
            "signal": process.signal,
            "breach": process.breach,
            "ends": process.ends(),
            "sweeping": sweep,
        }
        self.record("exited", last_n=process.inbox.last_n, **outcome)
        self._link.send("exited", exited_at=process.exited_at, **outcome)
        if not sweep:
            self._spared = True
        elif self.ending:
            process.sweeping = True
            self._owed.append(process)
        else:
            self._sweep(process)
        self._settle(process)

    def _swept(self, process: Process, killed: int, left: list[int]) -> None:
        process.sweeping = False
        process.swept = (killed, left)
        self.record("swept", process_id=process.id, killed=killed, left=left)
        if process.forgotten:
            # Until now the journal had to name it, for whoever would have to finish the sweep.
            self.record("forgotten", process_id=process.id)
        self._link.send("swept", process_id=process.id, killed=killed, left=left)
        self._settle(process)

    def _closed(self, stream: Stream) -> None:
        self._settle(stream.process)

    def _stalled(self, stream: Stream) -> None:
        event = "resumed" if stream.stalled is None else "stalled"
        self._link.send(event, process_id=stream.process.id, stream=stream.name, reason=stream.stalled)

    def _throttled(self, process: Process) -> None:
        self._link.send("throttled", process_id=process.id, on=process.throttled, reason="byte_budget")

    def _sweep(self, process: Process) -> None:
        def is_alone() -> bool:
            others = (other for other in self.processes.values() if other is not process)
            return not self._spared and not any(other.running or other.sweeping for other in others)

        self._stopper.sweep(process, is_alone)

    def _lane_is_swept(self, killed: int, left: list[int]) -> None:
        self._lane_swept = True
        self._idle_since = time.monotonic()
        for process in self._owed:
            self._swept(process, killed, left)
        self._consider_end()

    def _settle(self, process: Process) -> None:
        if process.settled:
            self._link.flush(process)
            self._link.forget(process)
            if process.forgotten:
                self.processes.pop(process.id, None)
            self._idle_since = time.monotonic()
        self._consider_end()

    def _consider_end(self) -> None:
        """Look again once the current event is done with, so that an end never overtakes its own record."""
        if self._end_timer is not None:
            self._end_timer.cancel()
        self._end_timer = self._loop.later(0, self._try_to_end)

    def _try_to_end(self) -> None:
        self._end_timer = None
        now = time.monotonic()
        unsettled = [process for process in self.processes.values() if not process.settled]
        if any(process.running or process.sweeping for process in unsettled if process not in self._owed):
            self._idle_since = now
            return
        if self.ending and not self._lane_swept:
            if not self._lane_sweeping:
                self._lane_sweeping = True
                self._stopper.sweep_lane(self._start, self._lane_is_swept)
            return
        idle = now - self._idle_since
        if not self.ending and unsettled:
            # Something that was left behind still holds an output, or waits for the disk.
            return
        if not self.ending and idle < self._linger:
            self._end_timer = self._loop.later(self._linger - idle, self._try_to_end)
            return
        if not self._journal.flush() and not self.ending:
            # Nobody could learn afterwards how the processes ended.
            self._end_timer = self._loop.later(RETRY_JOURNAL, self._try_to_end)
            return
        if (unsettled or not self._link.idle) and idle < self._linger + GIVE_UP_AFTER:
            self._end_timer = self._loop.later(END_POLL, self._try_to_end)
            return
        self._end()

    def _end(self) -> None:
        # First the socket goes: who cannot connect any more waits for the journal's lock, and starts a new runner.
        os.unlink(self.settings.socket_path)
        self._link.close()
        for process in self.processes.values():
            for stream in process.streams.values():
                self._ingest.discard(stream)
        self.record("end")
        if not self.told and all(process.forgotten for process in self.processes.values()):
            self._journal.remove()
        self._loop.end()
