"""A lane's worktree: its directory, its git directory in the user's repository, and our index for it."""

from __future__ import annotations

import os
import stat
from pathlib import Path

from msgspec import Struct

from agentlanes.adapters.git.discovery import common_dir_of, follow_link, path_of, text_of
from agentlanes.adapters.git.invocation import Place
from agentlanes.adapters.git.plain_files import make_private_folders, put_content, read_plain, read_value
from agentlanes.adapters.git.references import BASE_PINS, Head, branch_ref, read_head, read_operation, read_ref
from agentlanes.adapters.git.repository import Repository, checked_id
from agentlanes.core.facts import Operation, Presence, WorktreeAddress, WorktreeFacts, text_of_bytes
from agentlanes.kernel.ports.git import GitRefusal, RefusalCode


class Worktree(Struct, frozen=True):
    """One lane's worktree of one repository; what it says is read from disk each time."""

    repository: Repository
    lane_id: str
    path: Path
    branch: str

    @property
    def admin(self) -> Path:
        """The worktree's git directory. The agent's git works in it; so may the agent."""
        return self.repository.common_dir / "worktrees" / self.lane_id

    @property
    def private(self) -> Path:
        """Our git directory for this worktree: a HEAD and an index that the agent's git does not know."""
        return self.repository.private / "worktrees" / self.lane_id

    @property
    def trash(self) -> Path:
        """Where the directory waits, out of the way, while it is being removed."""
        return self.path.with_name(f".{self.path.name}.{self.lane_id}.removing")

    @property
    def removal_mark(self) -> Path:
        """Exists from the moment when a removal was found to lose nothing until it is done."""
        return self.private / "removing"

    @property
    def pin(self) -> bytes:
        return BASE_PINS + self.lane_id.encode()

    @property
    def ref(self) -> bytes:
        return branch_ref(self.branch)

    @property
    def link(self) -> bytes:
        """The content of the `.git` file."""
        return b"gitdir: " + os.fsencode(self.admin) + b"\n"

    @property
    def keeper(self) -> Repository:
        """Whose git directory of ours keeps what is rescued."""
        return self.repository

    @property
    def refs_dir(self) -> Path:
        """The git directory that holds the refs of the agent's git."""
        return self.repository.common_dir

    def ours(self, work_tree: Path | None = None) -> Place:
        """Our index over the lane's files."""
        return Place(self.private, work_tree=work_tree or self.path)

    def theirs(self) -> Place:
        """The agent's HEAD and index over the lane's files, under our config."""
        return self.repository.theirs(self.admin, self.path)

    def their_index(self) -> Place:
        """The agent's index without the files, which may be gone."""
        return self.repository.theirs(self.admin)

    async def look(self, folder: Path | None = None) -> None:
        """Makes what is said here true of now, for the directory at `folder`. A worktree's is read when it is asked."""

    def prepare(self) -> None:
        """Makes our git directory."""
        make_private_folders(self.private)
        put_content(self.private / "commondir", b"../..\n")
        put_content(self.private / "gitdir", os.fsencode(self.path / ".git") + b"\n")
        if not (self.private / "HEAD").exists():
            self.set_private_head(None)

    def put_back(self) -> None:
        """Undoes the beginning of a removal that was cut before it had looked whether anything would be lost."""
        if self.trash.is_dir() and not os.path.lexists(self.path) and not self.removal_mark.exists():
            self.trash.rename(self.path)

    def is_being_removed(self) -> bool:
        """A removal was cut after it had found that nothing would be lost. It means something only while the directory
        is out of the way."""
        return self.removal_mark.exists() and self.presence() == "missing"

    def set_private_head(self, commit: str | None) -> None:
        """Which commit our index is compared with."""
        put_content(self.private / "HEAD", f"{commit or 'ref: refs/heads/none'}\n".encode())

    def presence(self, path: Path | None = None) -> Presence:
        """Whether `path` (by default where the worktree belongs) is the worktree that we made."""
        folder = path or self.path
        try:
            status = folder.lstat()
        except (FileNotFoundError, NotADirectoryError):
            return "missing"
        if not stat.S_ISDIR(status.st_mode) or not self.is_linked(folder):
            return "foreign"
        if not self.knows_admin():
            return "foreign"
        # `update-ref` takes the refs from where `commondir` says.
        if common_dir_of(self.admin) != self.repository.common_dir:
            return "foreign"
        back = read_value(self.admin / "gitdir")
        if back is None or _resolve(self.admin, back) != _resolve(self.path, b".git"):
            return "foreign"
        return "foreign" if read_head(self.admin, self.repository.common_dir) is None else "ok"

    def knows_admin(self) -> bool:
        """Whether the user's repository still has this worktree's git directory."""
        return self.admin.is_dir() and not self.admin.is_symlink() and not self._lives_elsewhere()

    def _lives_elsewhere(self) -> bool:
        """The user moved the worktree by `git worktree move`: it goes on there, as the user's own."""
        back = read_value(self.admin / "gitdir")
        if back is None or _resolve(self.admin, back) == _resolve(self.path, b".git"):
            return False
        return follow_link(Path(_resolve(self.admin, back))) == Path(os.path.realpath(self.admin))

    def is_linked(self, folder: Path) -> bool:
        """Whether the `.git` file in `folder` names this worktree's git directory."""
        if (folder / ".git").is_symlink():
            return False
        line = read_value(folder / ".git")
        if line is None or not line.startswith(b"gitdir: "):
            return False
        # Relative, as newer git may write it, it is relative to the place where the worktree belongs.
        return _resolve(self.path, line[len(b"gitdir: ") :]) == os.path.realpath(self.admin)

    def require(self) -> None:
        """Refuses to work on a worktree that is missing or not ours."""
        presence = self.presence()
        where = text_of(self.path)
        if presence == "missing":
            raise GitRefusal(
                RefusalCode.WORKTREE_MISSING,
                f"there is no {where}; provision the lane again to get its worktree back",
                {"path": where},
            )
        if presence == "foreign":
            raise self.foreign()

    def foreign(self) -> GitRefusal:
        where = text_of(self.path)
        return GitRefusal(
            RefusalCode.WORKTREE_FOREIGN,
            f"{where} is not the worktree that was made for lane {self.lane_id}: its .git file or "
            f"{text_of(self.admin)} was replaced; `git worktree repair {where}` may mend it, or move it away",
            {"path": where},
        )

    def head(self) -> Head:
        """The agent's HEAD. An unreadable one counts as foreign."""
        head = read_head(self.admin, self.refs_dir)
        if head is None:
            raise self.foreign()
        return head

    def operation(self) -> Operation | None:
        return read_operation(self.admin)

    def locked_reason(self) -> str | None:
        """Why the user locked the worktree; None when it is not locked."""
        if not os.path.lexists(self.admin / "locked"):
            return None
        return (read_plain(self.admin / "locked") or b"").decode("utf-8", "replace").strip()

    def branch_commit(self) -> str | None:
        """Where the lane's branch is for the agent's git."""
        return read_ref(self.refs_dir, self.ref)

    def kept_commit(self) -> str | None:
        """Where the lane's branch is in the user's repository."""
        return read_ref(self.repository.common_dir, self.ref)

    def base_commit(self) -> str | None:
        return read_ref(self.repository.common_dir, self.pin)

    def require_settled(self) -> str:
        """The commit of the lane's branch, where HEAD is on it and no operation is under way."""
        operation, head = self.operation(), self.head()
        where = text_of(self.path)
        if operation is not None:
            raise GitRefusal(
                RefusalCode.OPERATION_IN_PROGRESS,
                f"a {operation.replace('_', '-')} is under way in {where}; finish or abort it there first",
                {"operation": operation, "path": where},
            )
        if head.ref != self.ref or head.commit is None:
            at = text_of_bytes(head.branch) if head.branch else head.commit
            raise GitRefusal(
                RefusalCode.HEAD_NOT_ON_BRANCH,
                f"HEAD of {where} is at {at}, not on the lane's branch {self.branch}; "
                f"`git switch {self.branch}` there brings it back",
                {
                    "path": where,
                    "branch": self.branch,
                    "head_branch": None if head.branch is None else text_of_bytes(head.branch),
                    "head_commit": head.commit,
                },
            )
        return head.commit

    def facts(self) -> WorktreeFacts:
        presence = self.presence()
        there = presence == "ok"
        head = (read_head(self.admin, self.refs_dir) if there else None) or Head(None, None)
        return WorktreeFacts(
            path=text_of(self.path),
            presence=presence,
            head_branch=None if head.branch is None else text_of_bytes(head.branch),
            head_commit=head.commit,
            base_commit=self.base_commit(),
            operation=self.operation() if there else None,
            locked=there and self.locked_reason() is not None,
        )


def worktree_at(repository: Repository, address: WorktreeAddress) -> Worktree:
    path = path_of(address.path)
    if not path.is_absolute() or path.name in ("", "..") or b"\n" in os.fsencode(path):
        raise GitRefusal(
            RefusalCode.PATH_NOT_ABSOLUTE,
            f"{address.path!r} cannot be a worktree; give an absolute path without line breaks",
            {"path": address.path},
        )
    # The parents may be symlinks; git knows worktrees by their real path.
    real = Path(os.path.realpath(path.parent)) / path.name
    return Worktree(repository, checked_id(address.lane_id), real, address.branch)


def _resolve(folder: Path, name: bytes) -> str:
    return os.path.realpath(folder / os.fsdecode(name))
