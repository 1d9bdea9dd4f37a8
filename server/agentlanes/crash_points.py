"""Named points at which a test lets the server die, as by `kill -9`.

`AGENTLANES_CRASH_AT=<name>:<count>` kills the process when it reaches the point for the count-th time. Without the
variable reaching a point does nothing. Tests go through POINTS, so a point exists because it stands here.
"""

from __future__ import annotations

import os
import signal
import threading

VARIABLE = "AGENTLANES_CRASH_AT"

POINTS = {
    "boot.read": "the log is read, no runner was spoken to",
    "boot.adopted": "runners are connected, what they told is not in the log",
    "boot.told": "the log agrees with the runners, operations that were cut are not driven",
    "boot.driven": "operations that were cut are driven, nobody is served",
    "commit.before": "a batch was taken, nothing of it is on disk",
    "commit.after": "a batch is on disk, nobody knows",
    "publish.before": "a command is known to be on disk, nobody was told",
    "publish.after": "peers and reactors were told, the command is not answered",
    "effect.before": "an operation is in the log, its effect has not begun",
    "effect.after": "an effect did its part",
    "spawn.before": "a process is decided on and not spawned",
    "spawn.after": "a process runs, the log does not say so",
    "exit.before": "a process has ended, the log does not say so",
    "exit.after": "the log says that a process has ended, its runner was not let go of it",
    "exit.forgotten": "the runner was let go of a process",
    "frames.read": "an agent's frames were understood, nothing of them is recorded",
    "frames.applied": "what an agent said is recorded, our writes to it are not delivered",
    "frames.answered": "the answer to an agent's question is recorded and not delivered",
    "frames.delivered": "our writes to an agent are delivered",
    "attach.settling": "an agent opened its session, the log does not say so",
    "cleanup.stopped": "a lane's processes were stopped, its worktree is there",
    "git.branch": "a commit, a merge or a new lane moved a ref",
    "git.directory": "a new worktree's folder is made",
    "git.linked": "a new worktree is known to git",
    "git.checked_out": "a new worktree has its files",
    "git.index": "a worktree's index is written",
    "git.published": "objects of a commit or a merge are in the user's repository, no ref names them",
    "git.checkout": "the target's checkout is about to follow a merge",
    "git.aside": "a worktree that is removed was moved aside",
    "git.verified": "a worktree that is removed was found as it was expected",
    "git.refs": "refs of a removed worktree are gone",
    "git.admin": "git no longer knows a removed worktree",
    "git.files": "files of a removed worktree are gone",
    "git.saved": "what would be lost is in the rescue repository, no ref names it",
    "git.recorded": "a rescue has its ref",
    "git.moved": "what cannot be rescued as a commit was moved aside",
    "git.admin_moved": "git's own folder of a rescued worktree was moved aside",
}


class _Countdown:
    def __init__(self, wanted: str) -> None:
        self._name, _, count = wanted.partition(":")
        self._left = int(count or 1)
        # Points are reached on the loop, by the committer, and on threads that wait for git.
        self._lock = threading.Lock()

    def reach(self, name: str) -> None:
        if name != self._name:
            return
        with self._lock:
            self._left -= 1
            if not self._left:
                os.kill(os.getpid(), signal.SIGKILL)


_countdown = _Countdown(os.environ[VARIABLE]) if os.environ.get(VARIABLE) else None


def reached(name: str) -> None:
    """The server is at this point."""
    if _countdown is not None:
        _countdown.reach(name)


def reached_in_git(step: str) -> None:
    """The git port is between two steps."""
    reached(f"git.{step.replace(' ', '_')}")
