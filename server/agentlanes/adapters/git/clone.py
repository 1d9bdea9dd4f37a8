"""A lane's clone: a repository of its own, in which the agent commits with a git of its own.

The clone shares nothing with the user's repository. Hardlinks would be the same files under another name, and an agent
can write to what it owns; objects that are only borrowed break when the user's git deletes what it needs no more, and
cannot be read where a sandbox shows nothing but the lane. So the clone has its own copy of the history of its base.

What the agent does to its git directory is its own affair: our git is never run there. Everything that the server
knows about a clone it knows from its `Bay`.
"""

from __future__ import annotations

import stat
from pathlib import Path

from agentlanes.adapters.git.discovery import text_of
from agentlanes.adapters.git.held_folder import HeldFolder, hold_folder
from agentlanes.adapters.git.intake import Bay, Intake
from agentlanes.adapters.git.invocation import Place
from agentlanes.adapters.git.plain_files import LIMIT
from agentlanes.adapters.git.references import is_ref_name, read_head, read_refs
from agentlanes.adapters.git.repository import Repository
from agentlanes.adapters.git.worktree import Worktree
from agentlanes.core.facts import Presence
from agentlanes.kernel.ports.git import GitRefusal, RefusalCode


class Clone(Worktree, frozen=True):
    """One lane's clone. `repository` is the user's, with a git directory of ours that is this clone's alone."""

    home: Repository
    """The user's repository with the git directory that outlives the clone."""
    intake: Intake

    @property
    def keeper(self) -> Repository:
        return self.home

    @property
    def bay(self) -> Bay:
        store = self.repository.private
        place = Place(store, object_dir=self.repository.taken)
        return Bay(store / "mirror", self.repository.taken, store / "given", self.repository.program, place)

    @property
    def admin(self) -> Path:
        """Our copy of what the clone's git directory says."""
        return self.repository.private / "mirror"

    @property
    def refs_dir(self) -> Path:
        return self.admin

    @property
    def making(self) -> Path:
        """Where the clone is made; it comes to its path when it is complete."""
        return self.path.with_name(f".{self.path.name}.{self.lane_id}.making")

    @property
    def link(self) -> bytes:
        return b""

    @property
    def offered(self) -> Path:
        """A file with the commit at which we last put the lane's branch in the user's repository."""
        return self.repository.private / "offered"

    @property
    def refused(self) -> Path:
        """A file with the commit of the branch whose objects git would not take into the user's repository."""
        return self.repository.private / "refused"

    def theirs(self) -> Place:
        return Place(self.admin, common_dir=self.repository.private, work_tree=self.path)

    def their_index(self) -> Place:
        return Place(self.admin, common_dir=self.repository.private)

    async def look(self, folder: Path | None = None) -> None:
        where = folder or self.path
        if self.presence(where) != "ok":
            return
        await self.bay.take_in(where, self.intake)
        head = read_head(self.admin, self.admin)
        if head is not None and head.commit not in (None, self.intake.checked_head):
            arguments = ("cat-file", "-e", f"{head.commit}^{{tree}}")
            whole = await self.repository.has(self.repository.ours(), *arguments)
            self.intake.checked_head = head.commit if whole else None

    def is_readable(self) -> bool:
        """Whether the commit at HEAD is among the objects that were taken in, or the user's."""
        head = read_head(self.admin, self.admin)
        return head is not None and head.commit in (None, self.intake.checked_head)

    def require(self) -> None:
        Worktree.require(self)
        if not self.is_readable():
            where = text_of(self.path)
            raise GitRefusal(
                RefusalCode.REPO_UNREADABLE,
                f"the clone at {where} does not hold the commit that its HEAD is at; objects that it borrows from "
                "elsewhere are not followed, `git repack -a -d` there brings them in",
                {"path": where},
            )

    def presence(self, path: Path | None = None) -> Presence:
        folder = path or self.path
        try:
            if not stat.S_ISDIR(folder.lstat().st_mode):
                return "foreign"
        except (FileNotFoundError, NotADirectoryError):
            return "missing"
        with hold_folder(folder) as held:
            return "ok" if held is not None and _is_repository(held) else "foreign"

    def knows_admin(self) -> bool:
        return (self.admin / "HEAD").is_file()

    def is_linked(self, folder: Path) -> bool:
        return False

    def locked_reason(self) -> str | None:
        return None

    def foreign(self) -> GitRefusal:
        where = text_of(self.path)
        return GitRefusal(
            RefusalCode.WORKTREE_FOREIGN,
            f"{where} is not the clone that was made for lane {self.lane_id}: its .git is no folder with a repository "
            "in it any more; bring it back, or move it away",
            {"path": where},
        )

    def branch_commit(self) -> str | None:
        return Worktree.branch_commit(self) if self.knows_admin() else self.kept_commit()

    def refs(self) -> dict[bytes, str]:
        """The clone's refs as it last was, without those that say where another repository is."""
        return {ref: at for ref, at in read_refs(self.admin).items() if not ref.startswith(b"refs/remotes/")}

    def oddities(self) -> tuple[bytes, ...]:
        """Paths below the clone's top that could not be taken in, and may be work."""
        return tuple(b".git/" + path for path in self.intake.odd)


def _is_repository(folder: HeldFolder) -> bool:
    with folder.folder(b".git") as git_dir:
        if git_dir is None:
            return False
        for name in (b"objects", b"refs"):
            with git_dir.folder(name) as found:
                if found is None:
                    return False
        head = (git_dir.read(b"HEAD", LIMIT) or b"").rstrip(b"\r\n")
        if head.startswith(b"ref:"):
            return is_ref_name(head[len(b"ref:") :].strip())
        return len(head) in (40, 64) and not head.strip(b"0123456789abcdef")


def log_line(old: str, new: str, moment: int, what: str) -> str:
    """A line of a ref's log, as git writes it."""
    return f"{old} {new} agentlanes <agentlanes@localhost> {moment} +0000\t{what}\n"
