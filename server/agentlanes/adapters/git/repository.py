"""Our side of a user's repository.

Per repo there are two git directories of ours, in `<data dir>/repos`:

`<repo id>.git` holds what we make: objects of snapshots, an index per lane (in `worktrees/<lane id>`, so that git's own
pruning knows them), and rescued commits with their refs. It reads the user's objects as an alternate.

`<repo id>.refs` holds only a config; `refs`, `packed-refs` and `logs` in it are symlinks into the user's git directory.
Where a command has to see or move the user's refs, `GIT_COMMON_DIR` names it, so that git finds the user's refs and our
config. In this way no process of ours ever loads a config that a repository brought along.

For each lane that is a clone there is one more, `<repo id>.clones/<lane id>.git`, in the place of the first: a clone's
objects do not belong to the user until they are merged.
"""

from __future__ import annotations

import asyncio
import os
import re
from collections.abc import Sequence
from pathlib import Path

import msgspec
from msgspec import Struct

from agentlanes.adapters.git.discovery import Found, find_repository, resolve_path, text_of
from agentlanes.adapters.git.identity import is_usable
from agentlanes.adapters.git.invocation import Call, Place, Program
from agentlanes.adapters.git.plain_files import make_private_folders, put_content, put_link, read_plain
from agentlanes.adapters.git.preferences import PreferenceReader, Preferences
from agentlanes.adapters.git.references import Checkout, list_checkouts, read_head
from agentlanes.core.facts import Identity, RepoAddress, RepoFacts, quote, text_of_bytes
from agentlanes.kernel.ports.git import GitRefusal, RefusalCode

_ID = re.compile(r"[A-Za-z0-9_-]{1,100}")
# More workers than cores: a checkout waits for the disk more than it computes.
_CHECKOUT_WORKERS = min(8, 2 * (os.cpu_count() or 1))


def checked_id(name: str) -> str:
    """An id that may be part of a path."""
    if not _ID.fullmatch(name):
        raise ValueError(f"an id consists of letters, digits, `-` and `_`, not {name!r}")
    return name


class Repository(Struct, frozen=True):
    """A user's repository as it was when a port method began, and our git directories for it."""

    program: Program
    repo_id: str
    top_level: Path
    common_dir: Path
    bare: bool
    main_worktree: Path | None
    private: Path
    view: Path
    rescue_dir: Path
    preferences: Preferences
    writing: asyncio.Lock
    """One git write at a time per repository of the user, whichever repo ids lead to it."""

    @property
    def object_dir(self) -> Path:
        return self.common_dir / "objects"

    @property
    def taken(self) -> Path:
        """In the store of a clone: the objects that were taken in from it."""
        return self.private / "taken"

    @property
    def null_id(self) -> str:
        return "0" * (64 if self.preferences.object_format == "sha256" else 40)

    def ours(self, *, index: Path | None = None, work_tree: Path | None = None) -> Place:
        """Our git directory: sees all objects, writes to ours."""
        return Place(self.private, index=index, work_tree=work_tree)

    def publishing(self) -> Place:
        """Sees and writes the user's objects only."""
        return Place(self.private, object_dir=self.object_dir)

    def theirs(self, git_dir: Path | None = None, work_tree: Path | None = None) -> Place:
        """The user's refs, and the HEAD and index of one of their worktrees, under our config."""
        return Place(git_dir or self.common_dir, common_dir=self.view, work_tree=work_tree)

    def their_refs(self) -> Place:
        """The user's refs and logs beside all objects, ours too. Nothing is to be written there."""
        return Place(self.common_dir, common_dir=self.view, object_dir=self.private / "objects")

    async def git(self, place: Place, *arguments: str | bytes, stdin: bytes = b"") -> bytes:
        """The output of a git command that has to succeed."""
        outcome = await self.program.run(Call(place, arguments, stdin=stdin))
        return outcome.out

    async def has(self, place: Place, *arguments: str | bytes) -> bool:
        """Whether a git command that answers by its exit code says yes."""
        outcome = await self.program.run(Call(place, arguments, accept=(0, 1, 128)))
        return outcome.code == 0

    def checkouts(self) -> list[Checkout]:
        return list_checkouts(self.common_dir, self.main_worktree, bare=self.bare)


class Repositories:
    """Opens repositories, and keeps our git directories in step with theirs."""

    def __init__(self, program: Program, data_dir: Path, preferences: PreferenceReader) -> None:
        self._program = program
        self._data_dir = data_dir
        self._preferences = preferences
        self._locks: dict[Path, asyncio.Lock] = {}

    async def inspect(self, path: str) -> RepoFacts:
        await self._program.check()
        found = find_repository(path)
        preferences = await self._read(found)
        main = _main_worktree(found, preferences)
        top_level = main or found.top_level
        head = read_head(found.common_dir if main else found.git_dir, found.common_dir)
        if head is None or head.commit is None:
            raise GitRefusal(
                RefusalCode.REPO_HAS_NO_COMMIT,
                f"{text_of(top_level)} has no commit on the branch that is checked out; lanes start at one",
                {"path": text_of(top_level)},
            )
        return RepoFacts(
            top_level=text_of(top_level),
            common_dir=text_of(found.common_dir),
            object_dir=text_of(found.common_dir / "objects"),
            object_format="sha256" if preferences.object_format == "sha256" else "sha1",
            head_branch=None if head.branch is None else text_of_bytes(head.branch),
            head_commit=head.commit,
            bare=preferences.bare,
            has_submodules=(top_level / ".gitmodules").is_file(),
            filters=tuple(sorted(preferences.filters)),
            author=_author(preferences),
        )

    async def open(self, address: RepoAddress) -> Repository:
        """The repository at an address, with our directories made or brought up to date."""
        await self._program.check()
        name = checked_id(address.repo_id)
        found = find_repository(address.path)
        preferences = await self._read(found)
        main = _main_worktree(found, preferences)
        if (main or found.top_level) != resolve_path(address.path):
            raise GitRefusal(
                RefusalCode.NOT_A_REPOSITORY,
                f"{address.path} is not the top of a repository any more; add the repository again where it is now",
                {"path": address.path, "found": text_of(main or found.top_level)},
            )
        repository = Repository(
            program=self._program,
            repo_id=name,
            top_level=main or found.top_level,
            common_dir=found.common_dir,
            bare=preferences.bare,
            main_worktree=main,
            private=self._data_dir / "repos" / f"{name}.git",
            view=self._data_dir / "repos" / f"{name}.refs",
            rescue_dir=self._data_dir / "rescue",
            preferences=preferences,
            writing=self._locks.setdefault(found.common_dir, asyncio.Lock()),
        )
        _prepare(repository)
        return repository

    async def read_sparse(self, repository: Repository, git_dir: Path) -> tuple[str, ...]:
        return await self._preferences.read_sparse(repository.common_dir, git_dir)

    async def _read(self, found: Found) -> Preferences:
        preferences = await self._preferences.read(found.common_dir)
        where = text_of(found.common_dir)
        if preferences.unknown_extensions:
            named = ", ".join(preferences.unknown_extensions)
            raise GitRefusal(
                RefusalCode.REPO_UNREADABLE,
                f"{where} uses what this version does not know: {named}; "
                "it can use repositories with files as ref storage and SHA-1 or SHA-256 objects",
                {"path": where, "extensions": list(preferences.unknown_extensions)},
            )
        _check_owner(found, preferences)
        if not os.access(found.common_dir / "objects", os.R_OK | os.X_OK):
            raise GitRefusal(
                RefusalCode.REPO_UNREADABLE, f"the server may not read {where}; check its permissions", {"path": where}
            )
        return preferences


def _main_worktree(found: Found, preferences: Preferences) -> Path | None:
    if preferences.bare:
        return None
    if not found.linked:
        return found.top_level
    return found.common_dir.parent if found.common_dir.name == ".git" else None


def _check_owner(found: Found, preferences: Preferences) -> None:
    """The same rule as git's own: what another user owns is used only when the user's config says it is safe."""
    owner, own = found.common_dir.stat().st_uid, os.geteuid()
    if owner == own or preferences.safe_directories & {"*", str(found.top_level), str(found.common_dir)}:
        return
    where = text_of(found.top_level)
    raise GitRefusal(
        RefusalCode.REPO_UNREADABLE,
        f"{where} belongs to the user with id {owner} and the server runs as {own}; change its owner, "
        f"or declare it safe: git config --global --add safe.directory {where}",
        {"path": where, "owner": owner, "server": own},
    )


def open_store(home: Repository, lane_id: str) -> Repository:
    """The repository with a git directory of ours that is one clone's alone, and goes with it.

    It sees the objects that were taken in from the clone and the user's.
    """
    store = msgspec.structs.replace(home, private=stores_of(home) / f"{checked_id(lane_id)}.git")
    make_private_folders(store.taken)
    _prepare_folder(store, store.private, (store.taken, store.object_dir), log_refs=False)
    make_private_folders(store.private / "refs")
    return store


def stores_of(home: Repository) -> Path:
    """Where the git directories for clones of a repository are."""
    return home.private.with_name(f"{home.repo_id}.clones")


def _prepare(repository: Repository) -> None:
    logs = (repository.common_dir / "logs").is_dir()
    for folder, log_refs in ((repository.private, False), (repository.view, logs)):
        _prepare_folder(repository, folder, (repository.object_dir,), log_refs=log_refs)
    make_private_folders(repository.private / "refs")
    for name in ("refs", "packed-refs", "logs"):
        put_link(repository.view / name, repository.common_dir / name)


def _prepare_folder(repository: Repository, folder: Path, borrowed: Sequence[Path], *, log_refs: bool) -> None:
    for part in (folder / "objects" / "info", folder / "info"):
        make_private_folders(part)
    put_content(folder / "HEAD", b"ref: refs/heads/none\n")
    put_content(folder / "objects" / "info" / "alternates", b"".join(_alternate(path) + b"\n" for path in borrowed))
    attributes = repository.private / "info" / "attributes.own"
    make_private_folders(attributes.parent)
    put_content(attributes, repository.preferences.own_attributes)
    put_content(folder / "config", _config(repository.preferences, attributes, log_refs=log_refs))
    put_content(folder / "info" / "exclude", repository.preferences.excludes)
    put_content(folder / "info" / "attributes", repository.preferences.attributes)
    # Which commits of a shallow clone have parents that are not there.
    shallow = read_plain(repository.common_dir / "shallow")
    if shallow:
        put_content(folder / "shallow", shallow)
    else:
        (folder / "shallow").unlink(missing_ok=True)


def _alternate(path: Path) -> bytes:
    raw = os.fsencode(path)
    return quote(raw).encode() if b"\n" in raw or raw.startswith((b'"', b"#")) else raw


def _config(preferences: Preferences, attributes: Path, *, log_refs: bool) -> bytes:
    core: Sequence[tuple[str, str]] = (
        ("repositoryFormatVersion", "1"),
        ("bare", "true"),
        ("logAllRefUpdates", "true" if log_refs else "false"),
        ("hooksPath", "/dev/null"),
        ("attributesFile", config_value(attributes)),
        ("excludesFile", "/dev/null"),
        ("fsmonitor", "false"),
        ("untrackedCache", "false"),
        *preferences.core,
    )
    lines = ["[core]", *(f"\t{name} = {value}" for name, value in core)]
    if preferences.object_format != "sha1":
        lines += ["[extensions]", f"\tobjectFormat = {preferences.object_format}"]
    lines += ["[gc]", "\tauto = 0", "[maintenance]", "\tauto = false", "[commit]", "\tgpgSign = false"]
    lines += ["[checkout]", f"\tworkers = {_CHECKOUT_WORKERS}", "[protocol]", "\tallow = never", ""]
    return os.fsencode("\n".join(lines))


def config_value(value: Path | str) -> str:
    """A value as git's config files quote it."""
    escaped = str(value).replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n").replace("\t", "\\t")
    return f'"{escaped}"'


def _author(preferences: Preferences) -> Identity | None:
    identity = Identity(*preferences.author) if preferences.author is not None else None
    return identity if identity is not None and is_usable(identity) else None
