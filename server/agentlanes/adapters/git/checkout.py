"""Brings a checkout of the user's along when the branch that it is on moves.

It is moved by a two-tree `read-tree -m -u` on the user's own index, whose lock git takes, under our config. Nothing of
the user's may get lost: the checkout must have no change of its own, and no file may stand in the way. What already
is as the merge would make it, from an attempt that was cut, is no obstacle.
"""

from __future__ import annotations

import hashlib
import os
import stat
from collections.abc import Container
from pathlib import Path

from msgspec import Struct

from agentlanes.adapters.git.attributes import attribute_folder
from agentlanes.adapters.git.discovery import text_of
from agentlanes.adapters.git.filters import filtered_paths, refuse_filtered
from agentlanes.adapters.git.index_lock import with_index_lock
from agentlanes.adapters.git.invocation import WRITE_SECONDS, Call, Place
from agentlanes.adapters.git.records import Change, parse_changes, split_records
from agentlanes.adapters.git.references import Checkout, read_operation
from agentlanes.adapters.git.repository import Repository
from agentlanes.core.facts import quote, text_of_bytes
from agentlanes.kernel.ports.git import GitRefusal, RefusalCode

_SHOWN = 1000


def find_checkout(repository: Repository, ref: bytes) -> Checkout | None:
    """The one checkout of a branch; refuses where there are several, or one that is in the middle of something."""
    found = [checkout for checkout in repository.checkouts() if checkout.head.ref == ref or ref in checkout.held]
    if not found:
        return None
    where = [text_of(checkout.work_tree or checkout.git_dir) for checkout in found]
    if len(found) > 1:
        raise _dirty(where[0], [], f"{', '.join(where)} have it checked out at the same time; leave it in all but one")
    operation = read_operation(found[0].git_dir)
    if operation is not None:
        raise _dirty(where[0], [], f"a {operation.replace('_', '-')} is under way in {where[0]}; finish or abort it")
    if found[0].work_tree is None:
        raise _dirty(
            where[0], [], f"its files belong to {where[0]} but are somewhere else; switch them to another branch"
        )
    return found[0]


def _dirty(where: str, paths: list[bytes], why: str) -> GitRefusal:
    return GitRefusal(
        RefusalCode.TARGET_CHECKED_OUT_DIRTY,
        f"the target branch was not moved, because {why}",
        {"worktree": where, "paths": [text_of_bytes(path) for path in paths[:_SHOWN]], "paths_total": len(paths)},
    )


class CheckoutUpdate(Struct, frozen=True):
    """The way of one checkout from the commit `old` to the commit `new`."""

    repository: Repository
    git_dir: Path
    work_tree: Path
    old: str
    new: str
    sparse: tuple[str, ...]

    @property
    def place(self) -> Place:
        return self.repository.theirs(self.git_dir, self.work_tree)

    async def apply(self) -> None:
        """Checks, then moves index and files. Where git itself finds an obstacle that we did not, nothing has moved."""
        changes = await self._changes()
        await self._check_filters(changes)
        agreeing = await self._check_clean(changes)
        if agreeing:
            stdin = b"".join(path + b"\0" for path in agreeing)
            arguments = ["update-index", "-z", "--add", "--remove", "--replace", "--stdin"]
            await with_index_lock(self.repository, self._call(*arguments, stdin=stdin))
        try:
            await with_index_lock(self.repository, self._call("read-tree", "-m", "-u", self.old, self.new))
        except GitRefusal as refusal:
            if refusal.code is not RefusalCode.GIT_FAILED:
                raise
            await self._take_back(changes, agreeing)
            where = text_of(self.work_tree)
            raise _dirty(where, [], f"git could not bring {where} along: {refusal.message}") from refusal

    async def _take_back(self, changes: dict[bytes, Change], staged: list[bytes]) -> None:
        """Makes the index say again what the old commit says about paths that were staged for the move."""
        lines = (
            # Mode 0 takes a path out.
            b"%s %s\t%s\0" % (change.old_mode.lstrip(b"0") or b"0", change.old_id.encode(), change.path)
            for change in map(changes.__getitem__, staged)
        )
        await with_index_lock(self.repository, self._call("update-index", "-z", "--index-info", stdin=b"".join(lines)))

    async def roll_back(self) -> None:
        await with_index_lock(self.repository, self._call("read-tree", "-m", "-u", self.new, self.old))

    def _call(self, *arguments: str, stdin: bytes = b"", accept: Container[int] = (0,)) -> Call:
        settings = [part for setting in self.sparse for part in ("-c", setting)]
        return Call(self.place, [*settings, *arguments], stdin=stdin, accept=accept, seconds=WRITE_SECONDS)

    async def _changes(self) -> dict[bytes, Change]:
        arguments = ["diff-tree", "-r", "-z", "--raw", "--no-abbrev", "--no-renames", self.old, self.new]
        return {c.path: c for c in parse_changes(await self.repository.git(self.repository.ours(), *arguments))}

    async def _check_filters(self, changes: dict[bytes, Change]) -> None:
        """Attributes count as they were before and as they will be after."""
        written = [path for path, change in changes.items() if change.status != "D"]
        filtered = await filtered_paths(self.repository, self.place, written)
        if self.repository.preferences.filters or self.repository.preferences.hidden:
            async with attribute_folder(self.repository, self.new) as folder:
                filtered |= await filtered_paths(self.repository, self.repository.ours(work_tree=folder), written)
        cure = "merge with git itself, or switch to another branch there"
        refuse_filtered(filtered, text_of(self.work_tree), cure)

    async def _check_clean(self, changes: dict[bytes, Change]) -> list[bytes]:
        """Refuses a checkout with changes of its own; returns the paths that are already as they should become."""
        git = self.repository.git
        # A file that was only touched would count as changed, for us and for the move itself.
        await with_index_lock(self.repository, self._call("update-index", "-q", "--refresh", accept=(0, 1)))
        arguments = ["diff-index", "--cached", "--raw", "-z", "--no-abbrev", "--no-renames", "--ignore-submodules=all"]
        staged = {c.path: c for c in parse_changes(await git(self.place, *arguments, self.old))}
        obstacles = {path for path, change in staged.items() if not _same_result(change, changes.get(path))}
        arguments = ["diff-files", "--name-only", "-z", "--ignore-submodules=all"]
        modified = set(split_records(await git(self.place, *arguments)))
        arrived = {path for path, change in changes.items() if change.status == "A" and path not in staged}
        in_the_way = {path for path in arrived if self._is_in_the_way(path, changes)}
        doubtful = (modified | in_the_way) - obstacles
        agreeing = await self._agreeing(sorted(doubtful & changes.keys()), changes)
        obstacles |= doubtful - set(agreeing)
        obstacles |= {path for new in arrived - in_the_way if (path := self._file_above(new, changes)) is not None}
        if obstacles:
            where = text_of(self.work_tree)
            raise _dirty(
                where,
                sorted(obstacles),
                f"{where} has it checked out with {len(obstacles)} files ({text_of_bytes(min(obstacles))}, ...) that "
                "are changed or in the way; commit, stash or move them",
            )
        return agreeing

    def _on_disk(self, path: bytes) -> Path:
        return self.work_tree / os.fsdecode(path)

    def _is_in_the_way(self, path: bytes, changes: dict[bytes, Change]) -> bool:
        on_disk = self._on_disk(path)
        if on_disk.is_symlink() or not on_disk.is_dir():
            return os.path.lexists(on_disk)
        # A folder makes room for a file when the merge deletes all that is in it.
        for folder, _, names in os.walk(os.fsencode(on_disk)):
            inside = (os.path.relpath(os.path.join(folder, name), os.fsencode(self.work_tree)) for name in names)  # noqa: PTH118
            if any(name not in changes or changes[name].status != "D" for name in inside):
                return True
        return False

    def _file_above(self, path: bytes, changes: dict[bytes, Change]) -> bytes | None:
        """A file, ignored ones too, where the folder of a new file would have to be."""
        parts = path.split(b"/")
        for end in range(1, len(parts)):
            above = b"/".join(parts[:end])
            on_disk = self._on_disk(above)
            if os.path.lexists(on_disk) and (on_disk.is_symlink() or not on_disk.is_dir()):
                change = changes.get(above)
                return None if change is not None and change.status == "D" else above
        return None

    async def _agreeing(self, paths: list[bytes], changes: dict[bytes, Change]) -> list[bytes]:
        """Those of `paths` whose file, or absence, is what the new commit says."""
        agreeing, regular = [], []
        for path in paths:
            change, on_disk = changes[path], self._on_disk(path)
            try:
                mode = on_disk.lstat().st_mode
            except (FileNotFoundError, NotADirectoryError):
                mode = 0
            if mode == 0:
                if change.status == "D":
                    agreeing.append(path)
            elif stat.S_ISLNK(mode) and change.new_mode == b"120000":
                if _blob_id(os.fsencode(on_disk.readlink()), len(change.new_id)) == change.new_id:
                    agreeing.append(path)
            elif stat.S_ISREG(mode) and change.new_mode == (b"100755" if mode & 0o100 else b"100644"):
                regular.append(path)
        if regular:
            stdin = "".join(quote(path) + "\n" for path in regular).encode()
            ids = (await self.repository.git(self.place, "hash-object", "--stdin-paths", stdin=stdin)).decode().split()
            agreeing += [path for path, name in zip(regular, ids, strict=True) if name == changes[path].new_id]
        return agreeing


def _same_result(change: Change, planned: Change | None) -> bool:
    return planned is not None and (change.new_mode, change.new_id) == (planned.new_mode, planned.new_id)


def _blob_id(content: bytes, digits: int) -> str:
    algorithm = hashlib.sha1 if digits == 40 else hashlib.sha256
    return algorithm(b"blob %d\0%s" % (len(content), content)).hexdigest()
