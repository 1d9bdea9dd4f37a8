"""What Codex may do without asking, by the lane's permission mode and the sandbox that the profile or the user chose.

supervised   reads what it likes; asks before each change and before each command that needs more (Codex's "read only")
plan         the same without asking: what it would have to ask for is not done; and it is told to plan
auto         changes what is in its worktree without asking, and asks beyond that (Codex's "workspace-write")

A sandbox is a bound, not a wish: outside of auto nothing widens it. In auto, `mode` may name another one: read-only, or
danger-full-access for machines that are a sandbox themselves. Codex forgets the sandbox of a thread that it forks or
resumes in a new process, and takes it from the user's config; so all of it travels with every turn. /tmp and $TMPDIR
are left out of what may be written: the worktrees of other lanes could be there.
"""

from __future__ import annotations

from typing import Any

from msgspec import Struct

from agentlanes.wire.models import PermissionMode

READ_ONLY, WORKSPACE_WRITE, FULL_ACCESS = "read-only", "workspace-write", "danger-full-access"
MODES = {
    READ_ONLY: "Changes nothing",
    WORKSPACE_WRITE: "Changes what is in the lane's worktree",
    FULL_ACCESS: "No sandbox at all; for machines that are one",
}
_POLICIES: dict[str, dict[str, object]] = {
    READ_ONLY: {"type": "readOnly", "networkAccess": False},
    WORKSPACE_WRITE: {
        "type": "workspaceWrite",
        "writableRoots": [],
        "networkAccess": False,
        "excludeTmpdirEnvVar": True,
        "excludeSlashTmp": True,
    },
    FULL_ACCESS: {"type": "dangerFullAccess"},
}


class Bounds(Struct, frozen=True):
    """The sandbox, when Codex asks, and where it works."""

    sandbox: str
    approval_policy: str
    cwd: str

    def write_thread(self) -> dict[str, object]:
        """The fields of thread/start, thread/resume and thread/fork."""
        return {**self._write(), "sandbox": self.sandbox}

    def write_turn(self) -> dict[str, object]:
        """The fields of turn/start."""
        return {**self._write(), "sandboxPolicy": _POLICIES[self.sandbox]}

    def differ_from(self, settings: dict[str, Any]) -> str | None:
        """What Codex says that a thread's settings are and should not be; None where all is as it was told."""
        for key, wanted in self.write_turn().items():
            said = settings.get(key)
            if isinstance(wanted, dict) and isinstance(said, dict):
                # Fields of a policy that this release of Codex does not know are none that it could widen.
                said = {name: value for name, value in said.items() if name in wanted}
                wanted = {name: value for name, value in wanted.items() if name in said or name == "type"}
            if key in settings and said != wanted:
                return f"{key} {said!r} instead of {wanted!r}"
        return None

    def _write(self) -> dict[str, object]:
        # The user decides, not another model that the config may name.
        return {"cwd": self.cwd, "approvalPolicy": self.approval_policy, "approvalsReviewer": "user"}


def choose_bounds(permission_mode: PermissionMode, mode: str | None, cwd: str) -> Bounds:
    """The bounds of a turn."""
    if permission_mode == "auto":
        return Bounds(mode if mode in MODES else WORKSPACE_WRITE, "on-request", cwd)
    return Bounds(READ_ONLY, "never" if permission_mode == "plan" else "on-request", cwd)
