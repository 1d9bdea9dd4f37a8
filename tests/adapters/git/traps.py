"""Ways in which a repository makes the git of whoever looks at it run its code.

Each trap is what an agent in a lane can plant: files in its worktree, and files in the user's git directory, which it
shares. Whatever runs leaves its name in `ran`.
"""

from __future__ import annotations

import os
import subprocess
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from adapters.git.scene import Scene, write
from agentlanes.kernel.ports.git import RefusalCode

HOOKS = (
    *("applypatch-msg", "pre-applypatch", "post-applypatch", "pre-commit", "pre-merge-commit", "prepare-commit-msg"),
    *("commit-msg", "post-commit", "pre-rebase", "post-checkout", "post-merge", "pre-push", "pre-receive", "update"),
    *("proc-receive", "post-receive", "post-update", "reference-transaction", "push-to-checkout", "pre-auto-gc"),
    *("post-rewrite", "sendemail-validate", "fsmonitor-watchman", "post-index-change"),
)

Command = tuple[str, ...]

STATUS: Command = ("status",)
ADD: Command = ("add", "-A")
DIFF: Command = ("diff", "HEAD")
COMMIT: Command = ("commit", "-q", "-a", "-m", "plain")
MERGE: Command = ("merge", "--no-edit", "main")
SHOW: Command = ("log", "-p", "--show-signature", "-1")


@dataclass(frozen=True)
class Field:
    """Where a trap is planted."""

    scene: Scene
    lane: Path

    @property
    def home(self) -> Path:
        """The top of the repository that an agent in the lane writes to."""
        return self.lane if self.scene.mode == "clone" else self.scene.repo

    @property
    def git_dir(self) -> Path:
        return self.home / ".git"

    @property
    def admin(self) -> Path:
        return self.scene.admin(self.lane.name)

    def payload(self, name: str) -> str:
        """A script that leaves its name; also a passable filter, textconv and merge driver."""
        ran = self.scene.root / "ran"
        ran.mkdir(exist_ok=True)
        script = write(
            self.scene.root / "payloads" / name,
            f'#!/bin/sh\n: > "{ran}/{name}"\ncase "$1" in -) cat ;; *) test -f "$1" && cat "$1" ;; esac\nexit 0\n',
        )
        script.chmod(0o755)
        return str(script)

    def configure(self, *pairs: tuple[str, str]) -> None:
        for key, value in pairs:
            self.scene.git("config", "--local", key, value, cwd=self.home)

    def attributes(self, text: str) -> None:
        write(self.git_dir / "info" / "attributes", text + "\n")

    def ran(self) -> list[str]:
        folder = self.scene.root / "ran"
        return sorted(path.name for path in folder.iterdir()) if folder.exists() else []


@dataclass(frozen=True)
class Trap:
    """What is planted, which plain commands in the lane fall into it, and what our port may refuse because of it."""

    name: str
    plant: Callable[[Field], None]
    bites: tuple[Command, ...]
    refusals: frozenset[RefusalCode] = frozenset()
    on_terminal: bool = False


FILTERED = (RefusalCode.FILTER_REQUIRED, RefusalCode.UNCOMMITTED_WORK)

TRAPS: list[Trap] = []


def trap(*bites: Command, refusals: tuple[RefusalCode, ...] = (), on_terminal: bool = False) -> Callable[..., None]:
    def register(plant: Callable[[Field], None]) -> None:
        TRAPS.append(Trap(plant.__name__, plant, bites, frozenset(refusals), on_terminal))

    return register


@trap(STATUS, ADD, COMMIT)
def hooks_in_the_git_directory(field: Field) -> None:
    for name in HOOKS:
        target = field.git_dir / "hooks" / name
        target.parent.mkdir(exist_ok=True)
        target.unlink(missing_ok=True)
        target.symlink_to(field.payload(f"hook-{name}"))


@trap(STATUS, ADD, COMMIT)
def hooks_path_in_the_lane(field: Field) -> None:
    for name in HOOKS:
        (field.lane / "hooks").mkdir(exist_ok=True)
        (field.lane / "hooks" / name).symlink_to(field.payload(f"path-{name}"))
    field.configure(("core.hooksPath", str(field.lane / "hooks")))


@trap(STATUS, ADD, DIFF, refusals=FILTERED)
def clean_and_smudge_filters(field: Field) -> None:
    field.configure(("filter.evil.clean", field.payload("clean") + " -"), ("filter.evil.required", "true"))
    field.configure(("filter.evil.smudge", field.payload("smudge") + " -"))
    write(field.lane / ".gitattributes", "* filter=evil\n")


@trap(ADD, refusals=FILTERED)
def process_filter(field: Field) -> None:
    field.configure(("filter.evil.process", field.payload("process")))
    field.attributes("* filter=evil")


@trap(ADD, refusals=FILTERED)
def filter_behind_an_include(field: Field) -> None:
    write(field.lane / "more.config", f'[filter "evil"]\n\tclean = {field.payload("included-clean")} -\n')
    field.configure(("include.path", str(field.lane / "more.config")))
    field.attributes("* filter=evil")


@trap(STATUS)
def fsmonitor(field: Field) -> None:
    field.configure(("core.fsmonitor", field.payload("fsmonitor")))


@trap(STATUS)
def fsmonitor_behind_an_include(field: Field) -> None:
    write(field.lane / "more.config", f"[core]\n\tfsmonitor = {field.payload('included-fsmonitor')}\n")
    field.configure(("include.path", str(field.lane / "more.config")))


@trap(STATUS)
def fsmonitor_in_the_worktrees_own_config(field: Field) -> None:
    field.configure(("extensions.worktreeConfig", "true"))
    write(field.admin / "config.worktree", f"[core]\n\tfsmonitor = {field.payload('worktree-fsmonitor')}\n")


@trap(STATUS, refusals=(RefusalCode.WORKTREE_FOREIGN,))
def common_directory_swapped(field: Field) -> None:
    """The lane's git directory names another common directory, with a config of its own."""
    evil = field.scene.root / "evil"
    field.scene.git("clone", "-q", "--bare", str(field.scene.repo), str(evil))
    field.scene.git("config", "core.fsmonitor", field.payload("swapped-fsmonitor"), cwd=evil)
    field.scene.git("update-ref", "refs/heads/agent/lane_1", "main", cwd=evil)
    write(field.admin / "commondir", f"{evil}\n")


@trap(DIFF)
def external_diff(field: Field) -> None:
    field.configure(("diff.external", field.payload("external-diff")))


@trap(DIFF, SHOW)
def diff_driver_and_textconv(field: Field) -> None:
    field.configure(("diff.evil.textconv", field.payload("textconv")), ("diff.evil2.command", field.payload("command")))
    field.attributes("*.txt diff=evil\nreadme diff=evil2")


@trap(ADD, COMMIT, MERGE)
def merge_driver(field: Field) -> None:
    field.configure(("merge.evil.driver", field.payload("merge-driver") + " %A"), ("merge.default", "evil"))
    field.attributes("* merge=evil")
    write(field.lane / ".gitattributes", "* merge=evil\n")


@trap(ADD, COMMIT, SHOW)
def signing_program(field: Field) -> None:
    field.configure(("gpg.program", field.payload("gpg")), ("commit.gpgSign", "true"), ("tag.gpgSign", "true"))
    field.configure(("log.showSignature", "true"), ("gpg.format", "openpgp"), ("user.signingKey", "x"))


@trap(("boom",))
def aliases(field: Field) -> None:
    for name in ("boom", "status", "add", "read-tree", "update-ref", "merge-tree", "rev-parse"):
        field.configure((f"alias.{name}", f"!{field.payload('alias')}"))


@trap(("log", "-1"), on_terminal=True)
def pager(field: Field) -> None:
    field.configure(("core.pager", field.payload("pager")), ("pager.log", "true"), ("pager.status", "true"))
    field.configure(("interactive.diffFilter", field.payload("diff-filter")))


@trap(("commit", "--allow-empty", "--amend"))
def editors(field: Field) -> None:
    field.configure(("core.editor", field.payload("editor")), ("sequence.editor", field.payload("sequence-editor")))


def break_promise(field: Field, url: str, *pairs: tuple[str, str]) -> None:
    """A repository that promises to fetch an object which HEAD needs and nobody has."""
    field.configure(("remote.origin.url", url), ("remote.origin.promisor", "true"), *pairs)
    field.configure(("extensions.partialClone", "origin"), ("core.repositoryFormatVersion", "1"))
    blob = field.scene.git("rev-parse", "HEAD:readme", cwd=field.home)
    for pack in (field.git_dir / "objects" / "pack").glob("*.pack"):
        # As loose objects, of which one can go.
        moved = pack.rename(field.scene.root / "moved.pack")
        pack.with_suffix(".idx").unlink()
        field.scene.git("unpack-objects", "-q", stdin=moved.read_bytes(), cwd=field.home)
    (field.git_dir / "objects" / blob[:2] / blob[2:]).unlink(missing_ok=True)
    missing = "1" * len(blob)
    write(field.git_dir / "refs" / "heads" / "promised", missing + "\n")


MISSING = (RefusalCode.GIT_FAILED, RefusalCode.REPO_UNREADABLE)


@trap(("cat-file", "-p", "HEAD~0:readme"), refusals=MISSING)
def lazy_fetch_by_ssh(field: Field) -> None:
    break_promise(field, "ssh://nowhere.invalid/x", ("core.sshCommand", field.payload("ssh-command")))


@trap(("for-each-ref",), ("cat-file", "-p", "HEAD~0:readme"), refusals=MISSING)
def lazy_fetch_by_external_helper(field: Field) -> None:
    break_promise(field, f"ext::{field.payload('ext')} %S", ("protocol.ext.allow", "always"))


@trap(("cat-file", "-p", "HEAD~0:readme"), refusals=MISSING)
def lazy_fetch_by_uploadpack(field: Field) -> None:
    break_promise(field, str(field.scene.repo), ("remote.origin.uploadpack", field.payload("uploadpack")))


@trap(("cat-file", "-p", "HEAD~0:readme"), refusals=MISSING)
def lazy_fetch_through_a_proxy(field: Field) -> None:
    break_promise(field, "git://nowhere.invalid/x", ("core.gitProxy", field.payload("git-proxy")))


@trap(("credential", "fill"))
def credential_helper(field: Field) -> None:
    field.configure(("credential.helper", field.payload("credential")), ("core.askPass", field.payload("askpass")))


@trap(STATUS)
def worktree_elsewhere(field: Field) -> None:
    """`core.worktree` moves what the repository calls its files; the fsmonitor shows when it is believed."""
    (field.scene.root / "elsewhere").mkdir()
    field.configure(("core.worktree", str(field.scene.root / "elsewhere")))
    field.configure(("core.fsmonitor", field.payload("elsewhere-fsmonitor")))


@trap(STATUS, ADD, refusals=(RefusalCode.WORK_WOULD_BE_LOST,))
def nested_repository(field: Field) -> None:
    nested = field.lane / "nested"
    nested.mkdir()
    field.scene.git("init", "-q", cwd=nested)
    write(nested / "inner", "x\n")
    field.scene.commit_all("inner", cwd=nested)
    field.scene.git("add", "-f", "nested", cwd=field.lane)
    write(nested / "inner", "changed\n")
    write(field.lane / ".gitmodules", '[submodule "nested"]\n\tpath = nested\n\turl = ./x\n\tignore = none\n')
    field.scene.git("config", "core.fsmonitor", field.payload("nested-fsmonitor"), cwd=nested)
    for name in HOOKS:
        (nested / ".git" / "hooks").mkdir(exist_ok=True)
        target = nested / ".git" / "hooks" / name
        target.unlink(missing_ok=True)
        target.symlink_to(field.payload(f"nested-{name}"))


@trap(("submodule", "update", "module"))
def submodule_update_command(field: Field) -> None:
    head = field.scene.git("rev-parse", "HEAD")
    write(field.lane / ".gitmodules", '[submodule "module"]\n\tpath = module\n\turl = ./x\n')
    field.scene.git("update-index", "--add", "--cacheinfo", f"160000,{head},module", cwd=field.lane)
    field.scene.git("clone", "-q", str(field.scene.repo), str(field.lane / "module"))
    field.configure(("submodule.module.url", str(field.scene.repo)), ("submodule.module.active", "true"))
    field.configure(("submodule.module.update", f"!{field.payload('submodule-update')}"), ("submodule.recurse", "true"))
    field.scene.git("commit", "-q", "--allow-empty", "-m", "other", cwd=field.lane / "module")


@trap(("fetch", "other"))
def alternate_refs_command(field: Field) -> None:
    field.configure(("core.alternateRefsCommand", field.payload("alternate-refs")))
    field.scene.git("clone", "-q", "--bare", str(field.scene.repo), str(field.scene.root / "origin"))
    alternate = field.scene.root / "alternate"
    field.scene.git("clone", "-q", "--bare", str(field.scene.repo), str(alternate))
    write(field.git_dir / "objects" / "info" / "alternates", f"{alternate}/objects\n")
    field.scene.git("commit", "-q", "--allow-empty", "-m", "new", cwd=field.lane)
    source = field.scene.root / "source"
    field.scene.git("clone", "-q", str(field.scene.repo), str(source))
    field.scene.commit_all("newer", cwd=source)
    field.configure(("remote.other.url", str(source)), ("remote.other.fetch", "+refs/heads/*:refs/remotes/other/*"))


@trap(ADD, refusals=FILTERED)
def attributes_file_in_the_lane(field: Field) -> None:
    write(field.lane / "attributes", "* filter=evil\n")
    write(field.lane / "ignored", "*.ignored\n")
    field.configure(("core.attributesFile", str(field.lane / "attributes")))
    field.configure(("core.excludesFile", str(field.lane / "ignored")))
    field.configure(("filter.evil.clean", field.payload("attributes-clean") + " -"))


def run_plain(field: Field, bite: Command, *, on_terminal: bool) -> None:
    """The user's own git, without any care."""
    environment = {
        "PATH": os.environ["PATH"],
        "HOME": str(field.scene.home),
        "GIT_CONFIG_NOSYSTEM": "1",
        "TERM": "vt100",
    }
    primary, secondary = os.openpty() if on_terminal else (-1, subprocess.DEVNULL)
    try:
        subprocess.run(
            ["git", *bite],
            cwd=field.lane,
            env=environment,
            input=b"protocol=https\nhost=nowhere.invalid\n\n",
            stdout=secondary,
            stderr=subprocess.DEVNULL,
            timeout=60,
            check=False,
        )
    finally:
        for descriptor in (primary, secondary):
            if descriptor >= 0:
                os.close(descriptor)
