"""The port to the runners: the processes that hold a lane's processes and outlive the server.

A runner serves one lane. It appends what its processes print to tapes, and reports how they ended. Nothing here is a
queue: an event says that something can be read again (a tape's end, a process's report), so a listener that missed
one loses nothing.

Everything is named by `process_id` (chosen by the caller, never reused) and may be asked twice: spawning an id that was
spawned before answers with its report, a numbered write that was accepted before writes nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from enum import StrEnum
from typing import Literal, Protocol

from msgspec import Struct, field

from agentlanes.kernel.ports.veil import Veiled

Stream = Literal["pty", "out", "err"]
"""`pty`: what a terminal shows. `out` and `err`: the output pipes of a process without a terminal."""


class RunnerErrorCode(StrEnum):
    """Why a runner, or the way to it, refused."""

    BAD_REQUEST = "BAD_REQUEST"
    INPUT_FULL = "INPUT_FULL"
    """64 MiB wait to be read by the process. Nothing of this write was accepted; try again later."""
    NOT_A_TERMINAL = "NOT_A_TERMINAL"
    PROCESS_ENDED = "PROCESS_ENDED"
    PROCESS_UNKNOWN = "PROCESS_UNKNOWN"
    RUNNER_FAULT = "RUNNER_FAULT"
    """A defect in the runner, which goes on."""
    RUNNER_LANE_MISMATCH = "RUNNER_LANE_MISMATCH"
    """The socket of this lane is held by the runner of another lane: two lane ids end in the same ten characters."""
    RUNNER_LOST = "RUNNER_LOST"
    RUNNER_REPLACED = "RUNNER_REPLACED"
    """Another server took over this runner."""
    RUNNER_START_FAILED = "RUNNER_START_FAILED"
    """`details` carry the exit code and the tail of the runner's log."""
    RUNNER_TOO_OLD = "RUNNER_TOO_OLD"
    """It was started by an older version, or runs on a system that cannot do this. It does the rest."""
    RUNNER_UNREACHABLE = "RUNNER_UNREACHABLE"
    """The runner lives and did not answer in time. Whether it acted is unknown; asking again is safe."""
    RUNNER_VERSION_UNSUPPORTED = "RUNNER_VERSION_UNSUPPORTED"
    """The runner lives and speaks no protocol version that this server speaks. It is left alone."""
    SPAWN_FAILED = "SPAWN_FAILED"
    """`details` carry `errno` (its name, e.g. ENOENT) and `path`. Nothing runs, and the id may be spawned again."""
    STDIN_CLOSED = "STDIN_CLOSED"
    WRITE_OUT_OF_ORDER = "WRITE_OUT_OF_ORDER"
    """`details` carry `last_n`; the write that is acceptable next is `last_n + 1`."""


RETRYABLE = frozenset({RunnerErrorCode.INPUT_FULL, RunnerErrorCode.RUNNER_UNREACHABLE})


class RunnerError(Exception):
    """A refusal with a code that callers match on, a message for people and details for both."""

    def __init__(self, code: RunnerErrorCode, message: str, details: Mapping[str, object] | None = None) -> None:
        super().__init__(f"{code}: {message}")
        self.code = code
        self.message = message
        self.details: Mapping[str, object] = details or {}

    @property
    def retryable(self) -> bool:
        return self.code in RETRYABLE


class TerminalSize(Struct, frozen=True):
    """Character cells; each from 1 to 10,000."""

    cols: int
    rows: int


class TapeLimit(Struct, frozen=True):
    """How much of one stream is kept.

    A lossless tape never drops what was not released: at `cap_bytes` unreleased the runner stops reading that stream.
    Any other tape drops its oldest segment beyond `cap_bytes`.
    """

    cap_bytes: int
    segment_bytes: int
    lossless: bool


TERMINAL_TAPE = TapeLimit(cap_bytes=64 << 20, segment_bytes=4 << 20, lossless=False)
AGENT_OUTPUT_TAPE = TapeLimit(cap_bytes=256 << 20, segment_bytes=4 << 20, lossless=True)
ERROR_RING_TAPE = TapeLimit(cap_bytes=256 << 10, segment_bytes=64 << 10, lossless=False)


class ResourceLimits(Struct, frozen=True):
    """Limits of each single process of the tree (setrlimit), not of their sum."""

    memory_bytes: int | None = None
    """RLIMIT_DATA: private writable memory. Not RLIMIT_AS, under which Node cannot even reserve its heap."""
    cpu_seconds: int | None = None
    """RLIMIT_CPU: SIGXCPU at this many seconds of CPU time, SIGKILL five seconds later."""


class SpawnPlan(Veiled, frozen=True):
    """Everything a runner needs to start one process.

    `env` is complete: nothing is inherited. The runner adds the markers AGENTLANES_PROCESS, AGENTLANES_LANE and
    AGENTLANES_STATE. `argv[0]` is looked up on the PATH of `env`, or relative to `cwd` when it holds a slash.
    """

    veiled = ("env",)

    process_id: str
    argv: tuple[str, ...]
    cwd: str
    env: Mapping[str, str]
    size: TerminalSize | None = None
    """With a size the process gets a terminal (stream `pty`), without one it gets pipes (`out` and `err`)."""
    sweep_on_exit: bool = False
    """Kill what the process left behind also when it ends by itself (agents), not only when it is stopped."""
    tapes: Mapping[Stream, TapeLimit] = field(default_factory=dict)
    """Limits that differ from TERMINAL_TAPE, AGENT_OUTPUT_TAPE and ERROR_RING_TAPE."""
    limits: ResourceLimits = ResourceLimits()


class ProcessState(StrEnum):
    """`running` until the process itself was reaped, whatever it left behind. `lost`: its runner died first."""

    RUNNING = "running"
    EXITED = "exited"
    LOST = "lost"


class Exit(Struct, frozen=True):
    """How a process ended: exactly one of `exit_code` and `signal` (its number) is set."""

    exit_code: int | None
    signal: int | None


class Breach(Struct, frozen=True):
    """The limit for which a runner ended a process with all below it: `memory_limit_mb` or `cpu_limit_percent`."""

    limit: str
    value: int
    used: int
    window_ms: int | None = None
    """For cpu: over how long it was used."""


class Usage(Struct, frozen=True):
    """What a process and all below it take."""

    cpu_ms: int
    """Since its processes began; less where some of them ended."""
    memory_bytes: int
    processes: int
    uptime_ms: int


class StreamReport(Struct, frozen=True):
    """What a tape holds: the bytes from `start` up to `end`."""

    start: int
    end: int
    open: bool
    """More bytes may follow."""
    stalled: str | None = None
    """Why the runner does not read this stream now: `tape_full`, `disk_full` or `tape_unwritable`."""


class Swept(Struct, frozen=True):
    """What the process left behind is gone: `killed` processes. `left` are pids that would not die within 10 s."""

    process_id: str
    killed: int
    left: tuple[int, ...]


class ProcessReport(Struct, frozen=True):
    """A process as its runner knows it, or as the journal of a dead runner tells it."""

    lane_id: str
    process_id: str
    pid: int | None
    """Null only if the runner died while it was spawning."""
    state: ProcessState
    exit: Exit | None
    streams: Mapping[Stream, StreamReport]
    last_n: int
    """Number of the last write that was accepted; 0 before the first."""
    size: TerminalSize | None
    throttled: bool
    stopping: bool
    sweeping: bool
    """What the process left behind is being killed."""
    swept: Swept | None
    """Told once it was killed."""
    spawned_at: float | None
    """Seconds since the epoch."""
    exited_at: float | None
    breach: Breach | None = None
    """Why the runner ended it, where it was a limit."""
    limited: bool = False
    """The runner holds it to a limit."""


class UnreachableRunner(Struct, frozen=True):
    """A runner that lives but cannot be spoken to. Its processes run on, and are reported as its journal tells."""

    lane_id: str
    pid: int
    error: RunnerError


class Adoption(Struct, frozen=True):
    """What `start` found."""

    reports: tuple[ProcessReport, ...]
    """Processes of live runners, and those that only the journals of ended or dead runners still tell of."""
    lost_lanes: tuple[str, ...]
    """Lanes whose runner died with processes. Survivors were killed; the processes are reported as `lost`."""
    unreachable: tuple[UnreachableRunner, ...]


class Grew(Struct, frozen=True):
    """The tape can be read up to `end`. Comes at most every 8 ms per process and carries only the newest end."""

    process_id: str
    stream: Stream
    end: int


class Exited(Struct, frozen=True):
    """The process was reaped. All that it wrote itself is below `ends`; what it left behind may write on."""

    process_id: str
    exit: Exit
    ends: Mapping[Stream, int]
    breach: Breach | None = None


class Throttled(Struct, frozen=True):
    """The runner began, or ceased, to hold this terminal to its share of the byte budget."""

    process_id: str
    on: bool
    reason: str


class Stalled(Struct, frozen=True):
    """The runner stopped reading one stream (`reason`), or reads it again (`reason` is null). Nothing is lost."""

    process_id: str
    stream: Stream
    reason: str | None


class Lost(Struct, frozen=True):
    """The runner of a lane died. Exits that it did record were told before; survivors were killed."""

    lane_id: str
    process_ids: tuple[str, ...]


class Replaced(Struct, frozen=True):
    """Another server took over the runner of this lane: this one is no longer in charge of it."""

    lane_id: str


RunnerEvent = Grew | Exited | Swept | Throttled | Stalled | Lost | Replaced
Listener = Callable[[RunnerEvent], None]


class TapeChunk(Protocol):
    """Bytes of a tape at an offset."""

    @property
    def offset(self) -> int:
        """Where `data` begins: the offset that was asked for plus `skipped`."""

    @property
    def data(self) -> bytes: ...

    @property
    def skipped(self) -> int:
        """Bytes before `offset` that retention dropped."""


class TapeReader(Protocol):
    """A read-only view of one tape with an open file of its own. Works while the runner appends, and after it ended.

    Reads are short calls on local files, meant for the loop's thread.
    """

    def span(self) -> tuple[int, int]:
        """First offset that is kept, and the end. (0, 0) if there is no such tape."""

    def read(self, offset: int, limit: int) -> TapeChunk:
        """At most `limit` bytes from `offset`, fewer at a segment's edge; empty at the end of the tape.

        Where retention dropped the bytes at `offset`, the chunk begins at the first that is kept and says `skipped`.
        Raises OSError if the tape cannot be read.
        """

    def marks(self) -> list[dict[str, object]]:
        """The tape's index, oldest first: `{t: epoch ms, o: offset, k: mark|resize|exit|skipped, ...}`."""

    def close(self) -> None: ...


class Runners(Protocol):
    """All runners of one state dir. Every method raises RunnerError; retryable ones say so."""

    async def start(self) -> Adoption:
        """Find the runners that live, connect to them, read the journals of those that do not."""

    async def close(self) -> None:
        """Disconnect. Runners and their processes live on."""

    def subscribe(self, listener: Listener) -> Callable[[], None]:
        """Call `listener` on the loop for every event, until the returned function is called."""

    def reports(self) -> tuple[ProcessReport, ...]:
        """Every process that was not forgotten, as last heard."""

    async def spawn(self, lane_id: str, plan: SpawnPlan) -> ProcessReport:
        """Start a process, and the lane's runner if none runs. A repeat of a process id answers with its report.

        Events of the process may come before this returns. A report that tells of an end is not followed by `Exited`.
        """

    async def write(
        self,
        process_id: str,
        data: bytes,
        *,
        n: int | None = None,
        input_id: str | None = None,
        kept: bytes | None = None,
    ) -> None:
        """Append to the process's stdin or terminal; returns when the runner holds it, never waits for the process.

        Numbered writes to a process without a terminal stay on its tape `in`: `kept` in place of `data`, where that has
        what may not be kept.

        With `n` (an outbox number, from 1) a number that was accepted before is a repeat and writes nothing, and a
        hole is WRITE_OUT_OF_ORDER. With `input_id` a repeat among the last 256 ids of the process is dropped.
        """

    async def resize(self, process_id: str, size: TerminalSize) -> None:
        """Set the size of a terminal; NOT_A_TERMINAL for a process on pipes."""

    async def signal(self, process_id: str, signal: int) -> None:
        """Send a signal to what a key would reach: the foreground group of a terminal, else the process's group."""

    async def close_stdin(self, process_id: str) -> None:
        """Close stdin once all that was written is delivered; a terminal is sent its end-of-file character."""

    async def stop(self, process_id: str, *, grace_ms: int = 3000) -> None:
        """Ask for the end: close stdin (a terminal: hang up), TERM after a grace, KILL after another, then a sweep.

        Returns when the runner has begun. `Exited` and `Swept` follow.
        """

    async def stop_fully(self, process_ids: Sequence[str], *, grace_ms: int = 3000) -> tuple[int, ...]:
        """End processes and whatever they left behind, and return when nothing of them lives: the pids that would not
        die within 10 s are all that is left. Unknown ids are ended by their marker.

        A runner that does not answer meanwhile is killed, and with it what else it holds.
        """

    async def limit(self, process_id: str, *, memory_mb: int | None = None, cpu_percent: int | None = None) -> None:
        """Hold a process with all below it to a limit, in place of the one that was; to none without any. What takes
        more is ended, and its exit says so. RUNNER_TOO_OLD where the runner cannot."""

    async def measure(self, process_ids: Collection[str]) -> Mapping[str, Usage]:
        """What processes take now. Those that do not run, or whose runner cannot tell, are left out."""

    async def release(self, process_id: str, offset: int, *, stream: Stream = "out") -> None:
        """Say that a lossless tape was read up to `offset`: older segments may go."""

    async def forget(self, process_id: str) -> None:
        """Say that the end of this process is recorded: it is no longer reported. Its tapes stay.

        What it left behind has to be gone for that, so this waits while that is swept. Who is cut meanwhile asks again:
        it goes on being reported.
        """

    async def erase(self, process_id: str) -> None:
        """Delete the tapes of a process that was forgotten; BAD_REQUEST for one that is still reported."""

    async def stop_lane(self, lane_id: str, *, grace_ms: int = 2000) -> None:
        """Stop every process of the lane, whatever they left behind too, and wait until its runner has ended."""

    async def stop_lanes(self, lane_ids: Sequence[str], *, grace_ms: int = 2000) -> tuple[int, ...]:
        """The same of several lanes at once. A runner that does not do it in time is killed and its processes with it,
        so this ends soon whatever fights back. Returns the pids that would not die."""

    def tape(self, process_id: str, stream: Stream) -> TapeReader:
        """Open a tape. Also of processes that ended long ago; an unknown one is empty."""
