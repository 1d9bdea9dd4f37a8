"""A user's repository, lanes on it, and the port that works there."""

from __future__ import annotations

import os
import shlex
import subprocess
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from agentlanes.adapters.git.local_git import LocalGit
from agentlanes.core.facts import (
    CommitPlan,
    Identity,
    MergePlan,
    RepoAddress,
    RescueFacts,
    WorktreeAddress,
    WorktreePlan,
)
from agentlanes.wire.models import LaneMode

AUTHOR = Identity("Ann Author", "ann@example.com")
NOW = 1_700_000_000
NOTHING: Mapping[str, str] = {}

_CONFIG = """
[user]
    name = User
    email = user@example.com
[init]
    defaultBranch = main
[protocol "file"]
    allow = always
"""


class CrashError(BaseException):
    """As if the server were killed: no handler of ours runs."""


def crash_at(point: str) -> Callable[[str], None]:
    """A server that is killed at a named point."""

    def crash(reached: str) -> None:
        if reached == point:
            raise CrashError

    return crash


@dataclass
class Scene:
    """Everything lies under `root`: `home`, `repo`, `lanes` and our `data`."""

    root: Path
    mode: LaneMode = "worktree"
    port: LocalGit = field(init=False)

    def __post_init__(self) -> None:
        self.home.mkdir(parents=True, exist_ok=True)
        (self.home / ".gitconfig").write_text(_CONFIG)
        self.port = self.make_port()

    @property
    def home(self) -> Path:
        return self.root / "home"

    @property
    def repo(self) -> Path:
        return self.root / "repo"

    @property
    def data(self) -> Path:
        return self.root / "data"

    @property
    def address(self) -> RepoAddress:
        return RepoAddress("repo_1", str(self.repo))

    def admin(self, name: str = "lane_1") -> Path:
        """The git directory in which the agent's git keeps a lane's HEAD and index."""
        if self.mode == "clone":
            return Path(self.lane(name).path) / ".git"
        return self.repo / ".git" / "worktrees" / name

    def store(self, name: str = "lane_1") -> Path:
        """Our git directory with the objects of a lane's snapshots and our index for it."""
        repos = self.data / "repos"
        return repos / "repo_1.clones" / f"{name}.git" if self.mode == "clone" else repos / "repo_1.git"

    def mirror(self, name: str = "lane_1") -> Path:
        """What git finds the lane's refs and index in when its directory is gone."""
        return self.store(name) / "mirror" if self.mode == "clone" else self.admin(name)

    def bring(self, branch: str, lane: Path) -> None:
        """Makes a branch of the user's known to the agent's git, which in a clone has to fetch it."""
        if self.mode == "clone":
            self.git("fetch", "-q", "origin", f"+refs/heads/{branch}:refs/heads/{branch}", cwd=lane)

    def make_port(self, reached: Callable[[str], None] | None = None) -> LocalGit:
        """A port as a server that was just started has it."""
        if reached is None:
            return LocalGit(self.data, home=self.home, environment={})
        return LocalGit(self.data, home=self.home, environment={}, reached=reached)

    def git(
        self,
        *arguments: str | bytes,
        cwd: Path | None = None,
        check: bool = True,
        stdin: bytes | None = None,
        extra: Mapping[str, str] = NOTHING,
    ) -> str:
        """The user's, or an agent's, own git with all of its config."""
        output = self.git_bytes(*arguments, cwd=cwd, check=check, stdin=stdin, extra=extra)
        return output.decode("utf-8", "surrogateescape").strip()

    def git_bytes(
        self,
        *arguments: str | bytes,
        cwd: Path | None = None,
        check: bool = True,
        stdin: bytes | None = None,
        extra: Mapping[str, str] = NOTHING,
    ) -> bytes:
        own = {"PATH": os.environ["PATH"], "HOME": str(self.home), "GIT_CONFIG_NOSYSTEM": "1", "LC_ALL": "C"}
        environment = own | dict(extra)
        done = subprocess.run(
            ["git", *arguments], cwd=cwd or self.repo, env=environment, input=stdin, capture_output=True, check=False
        )
        if check and done.returncode:
            raise AssertionError(f"git {arguments!r}: {done.stderr.decode('utf-8', 'replace')}")
        return done.stdout

    def make_repo(self, *options: str, files: dict[str, str] | None = None) -> str:
        """Makes the user's repository with one commit on `main`; returns the commit."""
        self.repo.mkdir()
        self.git("init", "-q", *options)
        for name, content in (files or {"readme": "hello\n", "src/a.txt": "one\ntwo\nthree\n"}).items():
            write(self.repo / name, content)
        return self.commit_all("first")

    def commit_all(self, message: str, cwd: Path | None = None) -> str:
        self.git("add", "-A", cwd=cwd)
        self.git("commit", "-q", "--allow-empty", "-m", message, cwd=cwd)
        return self.git("rev-parse", "HEAD", cwd=cwd)

    def lane(self, name: str = "lane_1", branch: str | None = None) -> WorktreeAddress:
        return WorktreeAddress(
            self.address, name, str(self.root / "lanes" / name), branch or f"agent/{name}", self.mode
        )

    async def provision(self, name: str = "lane_1", base: str | None = None, branch: str | None = None) -> Path:
        """Makes a lane's worktree; returns its path."""
        address = self.lane(name, branch)
        await self.port.provision(WorktreePlan(address, base or self.git("rev-parse", "HEAD")))
        return Path(address.path)

    def plan_commit(
        self, expected_head: str, message: str = "work", name: str = "lane_1", time: int = NOW
    ) -> CommitPlan:
        return CommitPlan(self.lane(name), message, AUTHOR, time, expected_head)

    def plan_merge(
        self,
        target: str = "main",
        *,
        name: str = "lane_1",
        time: int = NOW,
        expected_target: str | None = None,
        squash: bool = False,
    ) -> MergePlan:
        return MergePlan(self.lane(name), target, f"Merge {name}", AUTHOR, time, expected_target, squash)

    async def commit_lane(self, message: str = "work", name: str = "lane_1", time: int = NOW) -> str:
        head = self.git("rev-parse", "HEAD", cwd=Path(self.lane(name).path))
        return (await self.port.commit(self.plan_commit(head, message, name, time))).commit

    def status(self, cwd: Path | None = None) -> str:
        return self.git("status", "--porcelain", cwd=cwd)

    def refs(self) -> dict[str, str]:
        lines = self.git("for-each-ref", "--format=%(refname) %(objectname)").splitlines()
        return dict(line.split(" ", 1) for line in lines if line)

    def assert_gone(self, lane: Path) -> None:
        """Nothing of a lane is left, besides its branch."""
        assert sorted(lane.parent.iterdir()) == []
        assert not (self.repo / ".git" / "worktrees" / lane.name).exists()
        assert not (self.data / "repos" / "repo_1.git" / "worktrees" / lane.name).exists()
        assert self.mode == "worktree" or not self.store(lane.name).exists()
        assert f"refs/agentlanes/base/{lane.name}" not in self.refs()
        assert str(lane) not in self.git("worktree", "list")
        assert [path.name for path in (self.repo / ".git").iterdir() if path.name.startswith("agentlanes")] == []

    def bring_back(self, saved: RescueFacts) -> str:
        """Follows the one line that the facts of a rescue give; returns the branch."""
        assert saved.restore is not None
        words = shlex.split(saved.restore)
        assert words[0] == "git"
        self.git(*words[1:])
        return f"rescue/{saved.lane_id}-{saved.time}"


def write(path: Path, content: str | bytes) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return path


def write_raw(folder: Path, name: bytes, content: bytes = b"x\n") -> bytes:
    """A file with any bytes in its name."""
    write(folder / os.fsdecode(name), content)
    return name


def files_below(folder: Path, skip: Sequence[str] = (".git",)) -> dict[str, bytes]:
    """Regular files by relative path."""
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file() and not path.is_symlink() and not set(skip) & set(path.relative_to(folder).parts)
    }
