"""Takes in what a clone's git directory holds, as data, into folders of ours.

An agent writes to that directory as it likes, so no git of ours is ever pointed at it: not at its config, which may
name programs; not at its objects, which may be borrowed from anywhere or lie about their names; not at its refs and
index, which may be symlinks out of it. What is copied here is regular files, reached without following a symlink.
References and the index become a `mirror`; objects become an object directory, `taken`, in which each of them has the
name that its content gives it. The folders show the clone as it was when it was last there.

References are read before objects: what they name is written before they are.
"""

from __future__ import annotations

import asyncio
import os
import re
from collections.abc import Iterator
from pathlib import Path

from msgspec import Struct, field

from agentlanes.adapters.git.folders import remove_folder
from agentlanes.adapters.git.held_folder import HeldFile, HeldFolder, hold_folder
from agentlanes.adapters.git.invocation import WRITE_SECONDS, Call, Place, Program
from agentlanes.adapters.git.loose_objects import copy_object
from agentlanes.adapters.git.plain_files import Signature, make_private_folders
from agentlanes.kernel.ports.git import GitRefusal, RefusalCode

STATE_LIMIT = 16 << 20
INDEX_LIMIT = 1 << 30
"""Bytes."""
_TRIES = 5
_DEPTH = 30
# Programs, what names programs, what leads elsewhere, and what is taken in apart.
_NOT_STATE = {
    *(b"objects", b"hooks", b"config", b"config.worktree", b"info", b"commondir", b"gitdir", b"branches", b"shallow"),
    *(b"description", b"COMMIT_EDITMSG", b"locked"),
}
_APART = (b"modules", b"worktrees", b"lfs", b"annex")
"""Folders with repositories, checkouts and contents of their own, which no commit of ours can hold."""
_WORK = (b"refs", b"logs", b"HEAD", b"packed-refs", b"index")
"""Where something that cannot be taken in may hide work."""
_FAN_OUT = re.compile(rb"[0-9a-f]{2}")
_LOOSE = re.compile(rb"[0-9a-f]{38}(?:[0-9a-f]{24})?")
_PACK = re.compile(rb"pack-[0-9a-f]{40}(?:[0-9a-f]{24})?\.pack")


class Intake(Struct):
    """What was last taken in. Lost with the server: then everything is compared anew."""

    files: dict[bytes, Signature] = field(default_factory=dict)
    packs: dict[bytes, Signature] = field(default_factory=dict)
    odd: tuple[bytes, ...] = ()
    """Paths in the git directory that could not be taken in, and may be work."""
    checked_head: str | None = None
    """A commit that was found among the objects."""


class Bay(Struct, frozen=True):
    """Our folders for one clone, and the pack in it that we gave it and need not take back."""

    mirror: Path
    taken: Path
    given: Path
    """A file with the name and signature of that pack."""
    program: Program
    place: Place

    async def take_in(self, folder: Path, intake: Intake) -> None:
        """Brings mirror and objects in step with the clone at `folder`, which must have a real `.git` folder."""
        for attempt in range(_TRIES):
            try:
                odd = await asyncio.to_thread(self._take_state, folder, intake)
                packs, current = await asyncio.to_thread(self._take_objects, folder, intake)
                odd |= {b"objects/pack/" + name for name in await self._index(packs, intake)}
                await asyncio.to_thread(self._drop_stale, current, intake)
            except FileNotFoundError:
                # The agent's git packs its objects while we look: a file went that was there.
                if attempt == _TRIES - 1:
                    raise
            else:
                intake.odd = tuple(sorted(odd))
                return

    def forget(self, intake: Intake) -> None:
        """Drops what was taken in."""
        remove_folder(self.mirror)
        remove_folder(self.taken)
        intake.files.clear()
        intake.packs.clear()
        intake.odd, intake.checked_head = (), None

    def _take_state(self, folder: Path, intake: Intake) -> set[bytes]:
        odd: set[bytes] = set()
        seen: set[bytes] = set()
        make_private_folders(self.mirror)
        known = intake.files
        if not known:
            remove_folder(self.mirror)
            make_private_folders(self.mirror)
        with hold_folder(folder / ".git") as git_dir:
            if git_dir is None:
                raise FileNotFoundError(folder / ".git")
            for path, file in _walk(git_dir, b"", odd):
                name = path.rpartition(b"/")[2]
                seen.add(path)
                if known.get(path) == file.signature:
                    continue
                content = file.read(INDEX_LIMIT if name.startswith((b"index", b"sharedindex.")) else STATE_LIMIT)
                if content is None:
                    if path.startswith(_WORK):
                        odd.add(path)
                    continue
                _put(self.mirror / os.fsdecode(path), content, file.modified)
                known[path] = file.signature
        for path in known.keys() - seen:
            # A folder may be there by now, of which this was the name.
            mirrored = self.mirror / os.fsdecode(path)
            if not mirrored.is_dir():
                mirrored.unlink(missing_ok=True)
            del known[path]
        return odd

    def _take_objects(self, folder: Path, intake: Intake) -> tuple[list[bytes], tuple[set[bytes], set[bytes]]]:
        """Copies what is new; returns the packs that need an index, and all loose objects and packs that there are."""
        loose: set[bytes] = set()
        packs: set[bytes] = set()
        fresh: list[bytes] = []
        make_private_folders(self.taken / "pack")
        with hold_folder(folder / ".git") as git_dir:
            if git_dir is None:
                raise FileNotFoundError(folder / ".git")
            with git_dir.folder(b"objects") as objects:
                if objects is None:
                    raise FileNotFoundError(folder / ".git" / "objects")
                # Before the packs: what moves meanwhile goes from here to there.
                for name, _ in objects.entries():
                    if _FAN_OUT.fullmatch(name):
                        with objects.folder(name) as fan_out:
                            loose |= set() if fan_out is None else self._take_loose(name, fan_out)
                with objects.folder(b"pack") as folder_of_packs:
                    if folder_of_packs is not None:
                        packs, fresh = self._take_packs(folder_of_packs, intake)
        return fresh, (loose, packs)

    def _take_loose(self, prefix: bytes, folder: HeldFolder) -> set[bytes]:
        own = self.taken / os.fsdecode(prefix)
        found = set()
        for name, _ in folder.entries():
            if not _LOOSE.fullmatch(name):
                continue
            target = own / os.fsdecode(name)
            if not target.exists():
                make_private_folders(own)
                with folder.file(name) as file:
                    if file is None or not copy_object(file, target, prefix + name):
                        continue
            found.add(prefix + name)
        return found

    def _take_packs(self, folder: HeldFolder, intake: Intake) -> tuple[set[bytes], list[bytes]]:
        given = self._read_given()
        found: set[bytes] = set()
        fresh = []
        for name, _ in folder.entries():
            if not _PACK.fullmatch(name):
                continue
            with folder.file(name) as file:
                if file is None or (name, file.signature) == given:
                    continue
                found.add(name)
                target = self.taken / "pack" / os.fsdecode(name)
                if intake.packs.get(name) == file.signature and target.with_suffix(".idx").exists():
                    continue
                # Without its index git does not know the pack.
                target.with_suffix(".idx").unlink(missing_ok=True)
                target.unlink(missing_ok=True)
                with target.open("wb") as copy:
                    for chunk in file.chunks():
                        copy.write(chunk)
                intake.packs[name] = file.signature
                fresh.append(name)
        return found, fresh

    async def _index(self, packs: list[bytes], intake: Intake) -> set[bytes]:
        """Gives each object of the packs the name that its content has; returns packs that are none."""
        refused = set()
        for name in packs:
            pack = self.taken / "pack" / os.fsdecode(name)
            try:
                await self.program.run(Call(self.place, ["index-pack", str(pack)], seconds=WRITE_SECONDS))
            except GitRefusal as refusal:
                if refusal.code is not RefusalCode.GIT_FAILED:
                    raise
                refused.add(name)
                intake.packs.pop(name, None)
                pack.unlink(missing_ok=True)
        return refused

    def _drop_stale(self, current: tuple[set[bytes], set[bytes]], intake: Intake) -> None:
        loose, packs = current
        for path in (self.taken / "pack").glob("pack-*.pack"):
            if os.fsencode(path.name) not in packs:
                path.with_suffix(".idx").unlink(missing_ok=True)
                path.with_suffix(".rev").unlink(missing_ok=True)
                path.unlink()
                intake.packs.pop(os.fsencode(path.name), None)
        for folder in self.taken.iterdir():
            if len(folder.name) == len("ff"):
                for path in folder.iterdir():
                    if os.fsencode(folder.name + path.name) not in loose:
                        path.unlink()

    def give(self, name: str, pack: Path) -> None:
        """Remembers that a pack of the clone is one that we made."""
        signature = " ".join(map(str, _sign(pack)))
        self.given.write_text(f"{name} {signature}\n")

    def _read_given(self) -> tuple[bytes, Signature] | None:
        try:
            name, *numbers = self.given.read_text().split()
            inode, size, modified, changed = map(int, numbers)
        except (FileNotFoundError, ValueError):
            return None
        return name.encode(), (inode, size, modified, changed)


def _sign(path: Path) -> Signature:
    status = path.stat()
    return status.st_ino, status.st_size, status.st_mtime_ns, status.st_ctime_ns


def _walk(folder: HeldFolder, at: bytes, odd: set[bytes], depth: int = 0) -> Iterator[tuple[bytes, HeldFile]]:
    """The files of a git directory that say what is where; adds to `odd` what is in their place and is none."""
    for name, _ in folder.entries():
        path = at + name
        if (not at and name in _NOT_STATE) or name.endswith(b".lock"):
            continue
        with folder.folder(name) as below:
            if below is not None:
                if not at and name in _APART:
                    if _holds_files(below):
                        odd.add(path)
                elif depth < _DEPTH:
                    yield from _walk(below, path + b"/", odd, depth + 1)
                else:
                    odd.add(path)
                continue
        with folder.file(name) as file:
            if file is not None:
                yield path, file
            elif path.startswith(_WORK) and folder.sign(name) is not None:
                odd.add(path)


def _holds_files(folder: HeldFolder, depth: int = 0) -> bool:
    for name, _ in folder.entries():
        with folder.folder(name) as below:
            if below is None or depth >= _DEPTH or _holds_files(below, depth + 1):
                return True
    return False


def _put(path: Path, content: bytes, modified: int) -> None:
    for parent in reversed(path.parents):
        # What is a folder now may have been a file.
        if parent.is_file():
            parent.unlink()
    if path.is_dir():
        remove_folder(path)
    make_private_folders(path.parent)
    partial = path.with_name(f".{path.name}.tmp")
    partial.write_bytes(content)
    # The same time: git tells by it which files may have changed unseen right after they were read.
    os.utime(partial, ns=(modified, modified))
    partial.replace(path)
