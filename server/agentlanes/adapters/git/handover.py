"""Puts a commit of the server into a clone: its objects, the index that goes with it, and the branch.

Each is made by our git in a folder of ours, and then laid into the clone's git directory as new files, under the locks
that the agent's git takes. See `held_folder` for why that changes nothing outside, whatever the agent put there.
"""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from agentlanes.adapters.git import index_lock
from agentlanes.adapters.git.clone import Clone, log_line
from agentlanes.adapters.git.discovery import text_of
from agentlanes.adapters.git.folders import remove_folder
from agentlanes.adapters.git.held_folder import HeldFolder, hold_folder
from agentlanes.adapters.git.intake import STATE_LIMIT
from agentlanes.adapters.git.invocation import WRITE_SECONDS, Call
from agentlanes.adapters.git.plain_files import LIMIT, make_private_folders
from agentlanes.kernel.ports.git import GitRefusal, RefusalCode

_OWN_INDEX = b"agentlanes-index"
_OWN_REF = b"agentlanes-ref"
"""New content under a name of ours, which is also how a lock is told that an earlier attempt left."""


async def give_objects(clone: Clone, commit: str, parent: str) -> None:
    """Adds what `commit` needs beyond its parent as a pack."""
    repository = clone.repository
    scratch = repository.private / "scratch" / f"give-{commit}"
    await asyncio.to_thread(remove_folder, scratch)
    make_private_folders(scratch)
    arguments = ["pack-objects", "--revs", "--quiet", "--delta-base-offset", str(scratch / "pack")]
    stdin = f"{commit}\n^{parent}\n".encode()
    await repository.program.run(Call(repository.ours(), arguments, stdin=stdin, seconds=WRITE_SECONDS))
    await asyncio.to_thread(_lay_packs, clone, scratch)
    await asyncio.to_thread(remove_folder, scratch)


def _lay_packs(clone: Clone, scratch: Path) -> None:
    with _hold(clone, b"objects", b"pack") as folder:
        for pack in sorted(scratch.glob("pack-*.pack")):
            # Git finds a pack by its index, so that comes last.
            for path in (pack, pack.with_suffix(".idx")):
                partial = b"tmp_agentlanes_" + path.suffix[1:].encode()
                folder.make(partial, path, 0o444)
                folder.move(partial, folder, path.name.encode())


def give_index(clone: Clone) -> None:
    """Puts our copy of the agent's index, as it was changed since it was taken in, in its place."""
    changed = clone.admin / "index"
    status = changed.stat()
    # From now on our copy is not what is there; the next look takes it in again.
    known = clone.intake.files.pop(b"index", None)
    with _hold(clone) as git_dir:
        _drop_left(git_dir, git_dir, _OWN_INDEX, b"index")
        git_dir.make(_OWN_INDEX, changed, times=(status.st_atime_ns, status.st_mtime_ns))
        with _locked(git_dir, git_dir, _OWN_INDEX, b"index", clone):
            if git_dir.sign(b"index") != known:
                raise _stale(clone, "its index changed")
            git_dir.move(b"index.lock", git_dir, b"index")


def give_branch(clone: Clone, old: str, new: str, title: bytes, moment: int) -> None:
    """Moves the lane's branch in the clone; refuses where it is not at `old` any more."""
    *parents, name = clone.ref.split(b"/")
    with _hold(clone) as git_dir, ExitStack() as held:
        folder = git_dir
        for parent in parents:
            # Git packs refs, and takes the folders away that are empty then.
            folder.make_folder(parent)
            folder = _require(held.enter_context(folder.folder(parent)), clone)
        _drop_left(git_dir, folder, _OWN_REF, name)
        git_dir.make(_OWN_REF, f"{new}\n".encode())
        with _locked(git_dir, folder, _OWN_REF, name, clone, b"/".join((*parents, b""))):
            if _read_branch(clone, git_dir, folder, name) != old:
                raise _stale(clone, f"the branch {clone.branch} moved")
            folder.move(name + b".lock", folder, name)
        line = log_line(old, new, moment, "commit: ").encode().rstrip(b"\n") + title + b"\n"
        for path in ([b"logs", b"HEAD"], [b"logs", *parents, name]):
            _add_line(git_dir, path, line)


def _read_branch(clone: Clone, git_dir: HeldFolder, folder: HeldFolder, name: bytes) -> str | None:
    loose = folder.read(name, LIMIT)
    if loose is not None:
        return loose.decode("ascii", "replace").strip()
    for line in (git_dir.read(b"packed-refs", STATE_LIMIT) or b"").splitlines():
        at, _, ref = line.partition(b" ")
        if ref == clone.ref:
            return at.decode("ascii", "replace")
    return None


def _add_line(folder: HeldFolder, path: list[bytes], line: bytes) -> None:
    """Adds to a log that is there, by a new file in its place."""
    with ExitStack() as held:
        for parent in path[:-1]:
            below = held.enter_context(folder.folder(parent))
            if below is None:
                return
            folder = below
        known = folder.read(path[-1], STATE_LIMIT)
        if known is not None:
            folder.make(_OWN_REF, known + line)
            folder.move(_OWN_REF, folder, path[-1])


@contextmanager
def _hold(clone: Clone, *names: bytes) -> Iterator[HeldFolder]:
    """The clone's git directory, or a folder in it."""
    with ExitStack() as held:
        folder = _require(held.enter_context(hold_folder(clone.path)), clone)
        for name in (b".git", *names):
            folder = _require(held.enter_context(folder.folder(name)), clone)
        yield folder


def _require(folder: HeldFolder | None, clone: Clone) -> HeldFolder:
    if folder is None:
        raise clone.foreign()
    return folder


@contextmanager
def _locked(
    home: HeldFolder, folder: HeldFolder, own: bytes, name: bytes, clone: Clone, below: bytes = b""
) -> Iterator[None]:
    """Holds git's lock of a file: `own` in `home` becomes it, and who holds it moves it to the file's place."""
    lock = name + b".lock"
    for attempt in range(index_lock.TRIES):
        if home.link(own, folder, lock):
            break
        if attempt == index_lock.TRIES - 1:
            home.remove(own)
            raise index_lock.locked(clone.path / ".git" / os.fsdecode(below + lock))
        time.sleep(index_lock.PAUSE)
    try:
        yield
    except BaseException:
        folder.remove(lock)
        raise
    finally:
        home.remove(own)


def _drop_left(home: HeldFolder, folder: HeldFolder, own: bytes, name: bytes) -> None:
    """Removes a lock that an attempt of ours left which was cut: it is the file that has our name too."""
    left = folder.sign(name + b".lock")
    if left is not None and left == home.sign(own):
        folder.remove(name + b".lock")


def _stale(clone: Clone, what: str) -> GitRefusal:
    where = text_of(clone.path)
    return GitRefusal(
        RefusalCode.STALE,
        f"{what} in {where} while the commit was made; look at the lane again, then commit",
        {"path": where},
    )
