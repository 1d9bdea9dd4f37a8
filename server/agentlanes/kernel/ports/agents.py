"""The port to agents: profiles that say how to start one, and drivers that speak its protocol.

A driver is sans-I/O. It is handed the agent's frames and the session's state, and hands back one step at a time: what
to record, what to tell the agent, what text grew. The loop that owns it makes each step one transaction, and only
then delivers its writes. A driver is rebuilt after a crash: `restore`, then the frames from the cursor on again.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Literal, Protocol

from msgspec import Struct, field

from agentlanes.kernel.ports.runners import TerminalSize
from agentlanes.kernel.ports.veil import Veiled
from agentlanes.wire.models import (
    AgentIdentity,
    AgentWrite,
    Answer,
    Approval,
    FrameCursor,
    Item,
    LoginState,
    Offer,
    PermissionMode,
    Problem,
    ProcessExit,
    Profile,
    Session,
    SessionApply,
    SetupCommand,
    Turn,
)


class Detour(Struct, frozen=True):
    """What an agent is started with besides, so that its model calls go through the harness.

    `{url}` stands for the harness' address without a slash at its end, `{key_env}` for the name of the variable that
    holds its key and, in values of `env` only, `{key}` for the key. What needs a key is left out where there is none.
    """

    args: tuple[str, ...] = ()
    env: Mapping[str, str] = field(default_factory=dict)
    standing: tuple[str, ...] = ()
    """Arguments on either route: what an agent has to know of to resume what went through the harness before."""


class Launch(Veiled, frozen=True):
    """How to start a profile's agent. `env` holds what the profile sets; the caller adds what may pass."""

    veiled = ("env", "mcp_servers")

    argv: tuple[str, ...]
    env: Mapping[str, str]
    env_pass: tuple[str, ...]
    driver: str
    mode: str | None = None
    model: str | None = None
    effort: str | None = None
    append_prompt: str | None = None
    """Said to the agent after each prompt. What the log has of a prompt is the user's alone."""
    mcp_servers: tuple[Mapping[str, Any], ...] = ()
    """Servers that the agent shall use, each as ACP's session/new names them. Their values may be secrets."""
    quirks: Mapping[str, Any] = field(default_factory=dict)
    """How this agent differs from others that speak its protocol; each driver says what it knows."""
    detour: Detour | None = None
    """How it goes through the harness; None where it cannot."""


class Credentials(Struct, frozen=True):
    """By what an agent's login is seen. A path may begin with `~`, or with `${NAME:-path}`."""

    env: tuple[str, ...] = ()
    """Variables each of which is a login."""
    files: tuple[str, ...] = ()
    """Files each of which is one."""
    elsewhere: tuple[str, ...] = ()
    """Files with which there may be a login that cannot be seen."""
    needed: bool = True
    """Whether it wants a login at all."""


class About(Struct, frozen=True):
    """What is known of a profile's agent besides how it is started."""

    type: str = "OTHER"
    capabilities: tuple[str, ...] = ()
    install: tuple[SetupCommand, ...] = ()
    login: tuple[SetupCommand, ...] = ()
    version: tuple[str, ...] | str = ()
    """Arguments with which its program tells its version; nothing where it is not asked; a text where it is known."""
    credentials: Credentials | None = None
    """None where nothing is known of its login."""


class Known(Struct, frozen=True):
    """A profile with all that belongs to it."""

    profile: Profile
    launch: Launch
    about: About


class Installation(Struct, frozen=True):
    """What the machine has of an agent."""

    path: str | None
    """Its program; None where it was not found."""
    version: str | None = None
    login: LoginState = "unknown"
    login_at: float | None = None
    """When its credential file was last written, in seconds since the epoch."""


class Installations(Protocol):
    """Looks at what is installed."""

    async def look(self, known: Known, env: Mapping[str, str], patience: float) -> Installation:
        """What there is for a caller with this environment. A program that was not asked for its version yet is asked,
        which is waited for no longer than `patience` seconds; the answer is kept."""

    async def close(self) -> None:
        """Ends programs that are still being asked."""


class Profiles(Protocol):
    """The profiles that the user wrote and those that are built in. Read anew where a file changed."""

    def find(self, name: str) -> Known | None:
        """One profile; None where there is no such."""

    def list(self) -> tuple[Profile, ...]:
        """All profiles, the default one marked."""

    def problems(self) -> tuple[Problem, ...]:
        """What is wrong in the config file, with the line or the key. Profiles that are right still work."""

    def launch(self, name: str) -> Launch | None:
        """How to start it; None where there is no such profile."""

    def env_pass(self) -> tuple[str, ...]:
        """Names of every variable that some profile wants from the client's environment."""


class AgentView(Veiled, frozen=True):
    """The session as the core has it, for a driver to compare with what it told the agent."""

    veiled = ("secret_answers",)

    session: Session
    turn: Turn | None
    """The turn that runs or waits."""
    items: Sequence[Item]
    """Items of that turn that are in progress."""
    approvals: Sequence[Approval]
    """Pending ones, and decided ones that the agent was not told of."""
    cwd: str
    at: str
    """The time now."""
    permission_mode: PermissionMode = "supervised"
    """The lane's: what the agent may do without asking. Decisions on what it asks are the core's."""
    secret_answers: Mapping[str, Sequence[Answer]] = field(default_factory=dict)
    """By approval: what its decision does not hold. Gone after a restart; the agent is then told that nobody answered,
    and may ask again."""
    previous: Turn | None = None
    """The turn that this process ended last, told to `restore` only: what the agent still says may belong to it."""


PROMPT = "{prompt}"
"""Stands for the prompt in an argv that carries it."""


class Start(Veiled, frozen=True):
    """How a session's process is started. Its environment is the profile's."""

    veiled = ("fills",)

    argv: tuple[str, ...]
    """As it is recorded: with placeholders, such as PROMPT, for what is large or secret."""
    fills: Mapping[str, str] = field(default_factory=dict)
    """What goes where the placeholders are."""
    size: TerminalSize | None = None
    """With a size it runs on a terminal."""
    closes_input: bool = False
    """It reads one prompt: its input is closed behind the first write."""


class Growth(Struct, frozen=True):
    """Text that an item in progress grew by. `offset` counts bytes of UTF-8 from the start of the item's text."""

    item: Item
    offset: int
    data: str


class Attached(Struct, frozen=True):
    """The agent has an open protocol session."""

    agent_session_id: str | None
    """None where the agent tells it later, in an apply."""
    resumable: bool
    title: str | None = None
    offer: Offer | None = None
    identity: AgentIdentity | None = None


class Step(Veiled, frozen=True):
    """One transaction's worth of a driver's news. Writes are in `apply`; their numbers follow on those before."""

    veiled = ("unlogged",)

    apply: SessionApply
    settled: Attached | Problem | None = None
    """Set once, when attaching succeeded or failed."""
    growths: Sequence[Growth] = ()
    fatal: Problem | None = None
    """The agent broke its protocol beyond repair: end its process with this problem."""
    stop: bool = False
    """End the process: an agent that reads nothing but its prompt can be interrupted in no other way."""
    unlogged: Mapping[int, str] = field(default_factory=dict)
    """Frames that carry secrets, by the number of a write: delivered in place of what `apply` records, which is what
    the agent hears if the server dies before the delivery."""


class Driver(Protocol):
    """Speaks one agent protocol for one process of one session."""

    stream: Literal["out", "pty"]
    """What it reads: lines of standard output, or a terminal's bytes as they come."""

    def start(self, view: AgentView) -> Start | None:
        """How the process is started; None while it waits for the prompt that starts it. Always the same for a view.

        Until the process runs, `follow` and `collect` write nothing.
        """

    def restore(self, view: AgentView, writes: Sequence[AgentWrite], cursor: FrameCursor) -> None:
        """Rebuild memory: everything that was written to this process so far, and where reading will start again.

        Frames before `cursor.applied` are then received once more and must change nothing but memory. Item ids derive
        from the process and the offset of the item's first frame, so the same frames make the same items.
        """

    def receive(self, line: bytes, offset: int, end: int, at: str) -> None:
        """Take in one line of the agent's output, which stands at `offset` on its tape; `end` is where the next starts.

        Never raises: a line that is no frame becomes an item of kind notice, or a fatal problem.
        """

    def follow(self, view: AgentView) -> None:
        """Compare what the session is with what the agent was told, and queue the writes that are due: the handshake,
        a prompt that was not sent, an interrupt, an answer to an approval. Level-triggered: calling it again after
        its step was committed queues nothing."""

    def collect(self, view: AgentView) -> Step | None:
        """What came together since the last call, or None. The cursor in it covers all lines received."""

    def finish(self, exit: ProcessExit, at: str) -> bool:
        """The process ended, and all that it said was received. True if that is how this agent ends a turn: then the
        step that follows says what became of the turn and of the session, and the end is nobody's problem."""

    def patience(self) -> float | None:
        """Seconds of silence after which `fall_silent` is called; None where silence says nothing."""

    def fall_silent(self, at: str) -> None:
        """Nothing came for that long."""
