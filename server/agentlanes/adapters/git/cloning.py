"""Makes a lane's clone.

It is made beside its path, complete with history, files and index, and then comes to its path in one step: a clone
that is there is whole. Its git directory is written by us file by file, so no template, hook or filter of anybody
takes part. The steps: the pin ref and the branch in the user's repository, as for a worktree; the git directory with a
pack of the base's history; the files; the rename.
"""

from __future__ import annotations

import asyncio
import os
import shutil
import time

from agentlanes.adapters.git.clone import Clone, log_line
from agentlanes.adapters.git.completion import complete
from agentlanes.adapters.git.folders import remove_folder
from agentlanes.adapters.git.identity import is_usable
from agentlanes.adapters.git.invocation import WRITE_SECONDS, Call, Place
from agentlanes.adapters.git.plain_files import make_private_folders, read_plain
from agentlanes.adapters.git.provision import (
    Reached,
    check_base,
    check_out,
    check_path,
    claim_branch,
    explain_lack,
    give_up_branch,
)
from agentlanes.adapters.git.repository import config_value
from agentlanes.core.facts import Identity, WorktreeFacts, WorktreePlan
from agentlanes.kernel.ports.git import GitRefusal

_KEEP = b"agentlanes\n"


async def provision_clone(clone: Clone, plan: WorktreePlan, reached: Reached) -> WorktreeFacts:
    if clone.presence() == "ok":
        return clone.facts()
    check_path(clone)
    await check_base(clone, plan.base_commit)
    claimed = False
    try:
        async with clone.repository.writing:
            start = await claim_branch(clone, plan)
            claimed = True
            reached("branch")
        await asyncio.to_thread(remove_folder, clone.making)
        await asyncio.to_thread(clone.bay.forget, clone.intake)
        make_private_folders(clone.making)
        reached("directory")
        await _give_history(clone, plan, start)
        await _write_git_dir(clone, plan, start)
        reached("linked")
        await check_out(clone, start, clone.making)
        reached("checked out")
        await asyncio.to_thread(_hand_over_index, clone)
        reached("index")
        clone.making.rename(clone.path)
    except (GitRefusal, OSError, asyncio.CancelledError):
        if claimed:
            await complete(_undo(clone, plan))
        raise
    await clone.look()
    return clone.facts()


async def _give_history(clone: Clone, plan: WorktreePlan, start: str) -> None:
    """Copies what the base and the branch reach, and nothing else that the user's repository holds."""
    repository = clone.repository
    objects = clone.making / ".git" / "objects"
    make_private_folders(objects / "info")
    make_private_folders(objects / "pack")
    pack = Call(
        repository.ours(),
        ["pack-objects", "--revs", "--stdout", "--quiet", "--delta-base-offset"],
        stdin=f"{plan.base_commit}\n{start}\n".encode(),
        seconds=WRITE_SECONDS,
    )
    index = Call(Place(repository.private, object_dir=objects), ["index-pack", "--stdin"], seconds=WRITE_SECONDS)
    try:
        outcome = await repository.program.pipe(pack, index)
    except GitRefusal as refusal:
        lacks = "a part of the history that a clone needs, and we never fetch; make the lane a worktree"
        raise explain_lack(repository, refusal, lacks) from refusal
    name = f"pack-{outcome.out.decode().split()[-1]}"
    # Git then packs what the agent makes apart from it, so that we need not read all of it again.
    (objects / "pack" / f"{name}.keep").write_bytes(_KEEP)
    clone.bay.give(f"{name}.pack", objects / "pack" / f"{name}.pack")


async def _write_git_dir(clone: Clone, plan: WorktreePlan, start: str) -> None:
    repository = clone.repository
    git_dir = clone.making / ".git"
    branch = git_dir / os.fsdecode(clone.ref)
    make_private_folders(branch.parent)
    make_private_folders(git_dir / "refs" / "tags")
    make_private_folders(git_dir / "info")
    branch.write_text(f"{start}\n")
    # Where it came from, by the names that a fetch would give: those branches whose commit is here.
    arguments = ["for-each-ref", "--format=%(refname)", f"--points-at={plan.base_commit}", "refs/heads/"]
    for ref in (await repository.git(repository.theirs(), *arguments)).splitlines():
        if ref != clone.ref:
            known = git_dir / "refs" / "remotes" / "origin" / os.fsdecode(ref.removeprefix(b"refs/heads/"))
            make_private_folders(known.parent)
            known.write_text(f"{plan.base_commit}\n")
    (git_dir / "HEAD").write_bytes(b"ref: " + clone.ref + b"\n")
    for name in ("HEAD", os.fsdecode(clone.ref)):
        log = git_dir / "logs" / name
        make_private_folders(log.parent)
        log.write_text(log_line(clone.repository.null_id, start, int(time.time()), f"clone: lane {clone.lane_id}"))
    (git_dir / "config").write_bytes(_config(clone))
    for name in ("exclude", "attributes"):
        content = read_plain(repository.common_dir / "info" / name)
        if content:
            (git_dir / "info" / name).write_bytes(content)
    shallow = read_plain(repository.common_dir / "shallow")
    if shallow:
        (git_dir / "shallow").write_bytes(shallow)
    clone.offered.write_text(f"{start}\n")


def _config(clone: Clone) -> bytes:
    """What decides how content is stored, who commits, and where the clone came from: nothing that names a program."""
    preferences = clone.repository.preferences
    sha256 = preferences.object_format == "sha256"
    lines = ["[core]", f"\trepositoryFormatVersion = {int(sha256)}", "\tbare = false", "\tlogAllRefUpdates = true"]
    lines += [f"\t{name} = {value}" for name, value in preferences.core]
    if sha256:
        lines += ["[extensions]", "\tobjectFormat = sha256"]
    if preferences.author is not None and is_usable(Identity(*preferences.author)):
        name, email = preferences.author
        lines += ["[user]", f"\tname = {config_value(name)}", f"\temail = {config_value(email)}"]
    lines += ['[remote "origin"]', f"\turl = {config_value(str(clone.repository.top_level))}"]
    lines += ["\tfetch = +refs/heads/*:refs/remotes/origin/*", ""]
    return os.fsencode("\n".join(lines))


def _hand_over_index(clone: Clone) -> None:
    own, copy = clone.private / "index", clone.making / ".git" / "index"
    shutil.copyfile(own, copy)
    # The same time as ours: git tells by it which files may have changed unseen right after they were read.
    status = own.stat()
    os.utime(copy, ns=(status.st_atime_ns, status.st_mtime_ns))


async def _undo(clone: Clone, plan: WorktreePlan) -> None:
    await asyncio.to_thread(remove_folder, clone.making)
    await asyncio.to_thread(remove_folder, clone.repository.private)
    await give_up_branch(clone, plan)
