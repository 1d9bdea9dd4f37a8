"""Runs git: one process per call, with an environment made from nothing, bounds on time and output, and no shell.

A process sees no `GIT_*` of the server, no system or user config and no home of the user. Which config it does see is
decided by its `Place`: always a git directory whose config we wrote ourselves.
"""

from __future__ import annotations

import asyncio
import errno
import os
import re
import signal
from collections.abc import Container, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from msgspec import Struct, field

from agentlanes.adapters.git.child import Child, Ending
from agentlanes.adapters.git.plain_files import make_private_folders
from agentlanes.kernel.ports.git import GitRefusal, RefusalCode

OLDEST_VERSION = (2, 38)
"""`merge-tree --write-tree` came with it."""

READ_SECONDS = 60.0
WRITE_SECONDS = 900.0
"""For what writes whole trees: checkouts, first snapshots, packs."""

# Second line of defence: our config files say the same, and no config of a repository is ever read.
_SETTINGS = ("core.hooksPath=/dev/null", "core.fsmonitor=false", "protocol.allow=never")

_FIXED = {
    "LC_ALL": "C",
    "GIT_CONFIG_NOSYSTEM": "1",
    "GIT_CONFIG_GLOBAL": "/dev/null",
    "GIT_CONFIG_SYSTEM": "/dev/null",
    "GIT_ATTR_NOSYSTEM": "1",
    "GIT_TERMINAL_PROMPT": "0",
    "GIT_OPTIONAL_LOCKS": "0",
    "GIT_LITERAL_PATHSPECS": "1",
    "GIT_NO_REPLACE_OBJECTS": "1",
    "GIT_NO_LAZY_FETCH": "1",
    "GIT_ALLOW_PROTOCOL": "none",
    "GIT_SSH_COMMAND": "false",
    "GIT_ASKPASS": "false",
    "SSH_ASKPASS": "false",
    "GIT_EDITOR": "false",
    "GIT_PAGER": "cat",
    "GIT_AUTHOR_NAME": "agentlanes",
    "GIT_AUTHOR_EMAIL": "agentlanes@localhost",
    "GIT_COMMITTER_NAME": "agentlanes",
    "GIT_COMMITTER_EMAIL": "agentlanes@localhost",
}


class Place(Struct, frozen=True):
    """Where a git process works. Only `git_dir` or `common_dir` (whichever holds `config`) has to be ours."""

    git_dir: Path
    common_dir: Path | None = None
    work_tree: Path | None = None
    index: Path | None = None
    object_dir: Path | None = None

    def variables(self) -> dict[str, str]:
        named = {
            "GIT_DIR": self.git_dir,
            "GIT_COMMON_DIR": self.common_dir,
            "GIT_WORK_TREE": self.work_tree,
            "GIT_INDEX_FILE": self.index,
            "GIT_OBJECT_DIRECTORY": self.object_dir,
        }
        return {name: str(path) for name, path in named.items() if path is not None}


class Outcome(Struct, frozen=True):
    """How a git process ended."""

    code: int
    out: bytes
    cut: bool
    """The output passed `max_output`; git was stopped there."""


class Call(Struct, frozen=True):
    """A git command: arguments after `git`, where it runs, what it reads and how it may end."""

    place: Place
    arguments: Sequence[str | bytes]
    stdin: bytes = b""
    extra: Mapping[str, str] = field(default_factory=dict)
    accept: Container[int] = (0,)
    seconds: float = READ_SECONDS
    max_output: int | None = None


class Program:
    """The git executable. At most `parallel` processes run at a time."""

    def __init__(self, executable: str, home: Path, parallel: int = 8) -> None:
        self._executable = executable
        self._home = home
        self._free = asyncio.Semaphore(parallel)
        # Both ends of a pipe need a thread at the same time.
        self._threads = ThreadPoolExecutor(2 * parallel, thread_name_prefix="git")
        self._checked = False

    @property
    def nowhere(self) -> Place:
        """For commands that need no repository."""
        return Place(self._home)

    async def check(self) -> None:
        """Refuses a git that is missing or too old; asks once."""
        if self._checked:
            return
        make_private_folders(self._home)
        outcome = await self.run(Call(self.nowhere, ["version"]))
        found = re.match(rb"git version (\d+)\.(\d+)", outcome.out)
        if found is None or (int(found[1]), int(found[2])) < OLDEST_VERSION:
            version = outcome.out.decode("utf-8", "replace").strip()
            oldest = ".".join(map(str, OLDEST_VERSION))
            raise GitRefusal(
                RefusalCode.GIT_TOO_OLD,
                f"{self._executable} is {version!r}; git {oldest} or newer is needed",
                {"version": version, "oldest": oldest},
            )
        self._checked = True

    async def run(self, call: Call) -> Outcome:
        """Runs to the end. Raises GIT_FAILED for an exit code that `call` does not accept, and GIT_TIMEOUT."""
        async with self._free:
            child = self._child(call)
            (ending,) = await self._finish(child)
        return self._judge(call, child, ending)

    async def pipe(self, source: Call, sink: Call) -> Outcome:
        """Runs two commands with the first one's output as the second one's input; the outcome is the second's."""
        async with self._free:
            reading, writing = os.pipe()
            children = self._child(source), self._child(sink)
            children[0].sink, children[1].source = writing, reading
            endings = await self._finish(*children)
        # Where the second one gave up, the first one's broken pipe is not the reason.
        if isinstance(endings[0], Ending) and endings[0].code == -signal.SIGPIPE:
            self._judge(sink, children[1], endings[1])
        self._judge(source, children[0], endings[0])
        return self._judge(sink, children[1], endings[1])

    def _child(self, call: Call) -> Child:
        settings = [part for setting in _SETTINGS for part in ("-c", setting)]
        return Child(
            command=[self._executable, *settings, *call.arguments],
            environment={
                "PATH": os.environ.get("PATH", os.defpath),
                "HOME": str(self._home),
                **_FIXED,
                **call.place.variables(),
                **call.extra,
            },
            # Commands that read attributes look for them from where they run.
            folder=call.place.work_tree or self._home,
            seconds=call.seconds,
            stdin=call.stdin,
            max_output=call.max_output,
        )

    async def _finish(self, *children: Child) -> list[Ending | OSError | None]:
        """Runs all; cancelled, it stops them and waits until they are gone."""
        loop = asyncio.get_running_loop()
        running = [loop.run_in_executor(self._threads, _run, child) for child in children]
        try:
            await asyncio.wait(running)
        except asyncio.CancelledError:
            for child in children:
                child.stop()
            await asyncio.wait(running)
            raise
        return [task.result() for task in running]

    def _judge(self, call: Call, child: Child, ending: Ending | OSError | None) -> Outcome:
        if ending is None:
            raise asyncio.CancelledError
        if isinstance(ending, OSError):
            raise self._explain_start(child, ending) from ending
        name = _name(call)
        if ending.late:
            raise GitRefusal(
                RefusalCode.GIT_TIMEOUT,
                f"git {name} did not end within {call.seconds:g} s and was stopped",
                {"command": name, "seconds": call.seconds},
            )
        if not ending.cut and ending.code not in call.accept:
            text = ending.complaints.decode("utf-8", "replace").strip()
            reason = text.splitlines()[-1] if text else f"exit code {ending.code}"
            raise GitRefusal(
                RefusalCode.GIT_FAILED,
                f"git {name} failed: {reason}",
                {"command": name, "exit_code": ending.code, "stderr": text},
            )
        return Outcome(ending.code, ending.out, ending.cut)

    def _explain_start(self, child: Child, error: OSError) -> GitRefusal:
        details = {"executable": self._executable, "path": str(child.folder), "errno": error.errno}
        if error.errno not in (errno.ENOENT, errno.ENOTDIR, errno.EACCES):
            why = "too many paths at once" if error.errno == errno.E2BIG else error.strerror
            return GitRefusal(RefusalCode.GIT_FAILED, f"git could not be started: {why}", details)
        if not child.folder.is_dir():
            return GitRefusal(RefusalCode.WORKTREE_MISSING, f"there is no folder {child.folder} any more", details)
        return GitRefusal(
            RefusalCode.GIT_MISSING,
            f"{self._executable} cannot be run ({error.strerror}); install git or put it on the server's PATH",
            details,
        )


def _run(child: Child) -> Ending | OSError | None:
    try:
        return child.run()
    except OSError as error:
        return error


def _name(call: Call) -> str:
    """The subcommand, after `-c name=value` pairs."""
    words = [os.fsdecode(word) for word in call.arguments]
    while words[0] == "-c":
        words = words[2:]
    return words[0]
