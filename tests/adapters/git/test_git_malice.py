"""No code of an agent or a repository runs on our side, whatever it planted (promise 4)."""

from __future__ import annotations

import os
from collections.abc import Awaitable
from pathlib import Path

import pytest

from adapters.git.scene import Scene, files_below, write
from adapters.git.traps import TRAPS, Field, Trap, run_plain
from agentlanes.core.facts import WorktreePlan
from agentlanes.kernel.ports.git import Git, GitRefusal, RefusalCode

NEED_GIT = ("nested_repository", "submodule_update_command", "alternate_refs_command")
BY_NAME = pytest.mark.parametrize("trap", TRAPS, ids=lambda trap: trap.name)


async def set_up(scene: Scene) -> Field:
    """A lane with work in it, and a main branch that went on."""
    lane = await scene.provision()
    write(scene.repo / "src" / "a.txt", "ONE\ntwo\nthree\n")
    scene.commit_all("main goes on")
    scene.bring("main", lane)
    write(lane / "src" / "a.txt", "one\ntwo\nTHREE\n")
    write(lane / "readme", "changed\n")
    write(lane / "new.txt", "new\n")
    return Field(scene, lane)


async def use_every_method(scene: Scene, port: Git) -> dict[str, RefusalCode | None]:
    """Calls the whole port; says how each method ended."""
    ended: dict[str, RefusalCode | None] = {}
    lane, base = scene.lane(), scene.git("rev-parse", "agent/lane_1")

    async def call(name: str, running: Awaitable[object]) -> object:
        try:
            result = await running
        except GitRefusal as refusal:
            ended[name] = refusal.code
            return None
        ended[name] = None
        return result

    await call("inspect", port.inspect(str(scene.repo)))
    await call("inspect lane", port.inspect(lane.path))
    await call("resolve", port.resolve(scene.address, "main"))
    await call("list_branches", port.list_branches(scene.address))
    await call("provision", port.provision(WorktreePlan(scene.lane("lane_2"), base)))
    await call("provision again", port.provision(WorktreePlan(lane, base)))
    seen = await call("inspect_worktree", port.inspect_worktree(lane))
    head = getattr(seen, "head_commit", None) or base
    await call("snapshot", port.snapshot(lane))
    await call("diff", port.diff(lane, "main"))
    await call("diff with base", port.diff(lane, None))
    await call("commit", port.commit(scene.plan_commit(head)))
    await call("merge", port.merge(scene.plan_merge()))
    write(Path(lane.path) / "later.txt", "later\n")
    await call("assess", port.assess(lane, "main"))
    rescued = await call("rescue", port.rescue(lane, "save", 1_700_000_100))
    await call("list_rescues", port.list_rescues(scene.address))
    fingerprint = getattr(rescued, "fingerprint", "")
    await call("remove", port.remove(lane, fingerprint))
    return ended


@BY_NAME
async def test_plain_git_falls_into_the_trap(repo: Scene, trap: Trap) -> None:
    field = await set_up(repo)
    trap.plant(field)
    for path in (repo.root / "ran").iterdir():
        path.unlink()
    for bite in trap.bites:
        run_plain(field, bite, on_terminal=trap.on_terminal)
    assert field.ran(), f"{trap.name} proves nothing: plain git does not run it"


@BY_NAME
async def test_our_git_does_not(repo: Scene, trap: Trap) -> None:
    field = await set_up(repo)
    trap.plant(field)
    for path in (repo.root / "ran").iterdir():
        path.unlink()
    ended = await use_every_method(repo, repo.port)
    assert field.ran() == []
    refused = {name: code for name, code in ended.items() if code is not None and code not in trap.refusals}
    assert refused == {}, "and everything works all the same"


async def test_all_traps_at_once(repo: Scene) -> None:
    field = await set_up(repo)
    apart = ("common_directory_swapped", "hooks_path_in_the_lane")
    # Those that use git to plant themselves go before those that break it.
    order = sorted((trap for trap in TRAPS if trap.name not in apart), key=lambda trap: trap.name not in NEED_GIT)
    for trap in order:
        trap.plant(field)
    for path in (repo.root / "ran").iterdir():
        path.unlink()
    await use_every_method(repo, repo.port)
    assert field.ran() == []


async def test_traps_that_wait_for_a_new_lane(repo: Scene) -> None:
    """Planted before anything of ours knows the repository."""
    field = Field(repo, repo.root / "repo")
    for name in ("hooks_in_the_git_directory", "fsmonitor", "process_filter"):
        next(trap for trap in TRAPS if trap.name == name).plant(field)
    repo.git("config", "filter.evil.smudge", field.payload("smudge"))
    await repo.provision()
    assert field.ran() == []
    run_plain(field, ("worktree", "add", "../plain"), on_terminal=False)
    assert {"hook-reference-transaction", "process"} <= set(field.ran())


async def test_a_worktree_entry_cannot_aim_a_merge_elsewhere(repo: Scene) -> None:
    """An agent forges a linked worktree whose files are a folder of the user's, to have a merge write there."""
    lane = await repo.provision()
    victim = repo.root / "victim"
    write(victim / "readme", "hello\n")
    write(lane / "readme", "overwritten\n")
    await repo.commit_lane()
    repo.git("checkout", "-q", "--detach")
    admin = repo.repo / ".git" / "worktrees" / "forged"
    write(admin / "HEAD", "ref: refs/heads/main\n")
    write(admin / "commondir", "../..\n")
    write(admin / "gitdir", f"{victim}/.git\n")
    repo.git("read-tree", "main")
    repo.git(f"--git-dir={admin}", f"--work-tree={victim}", "reset", "-q", "main")
    merged = await repo.port.merge(repo.plan_merge())
    assert merged.updated_worktree is None
    assert files_below(victim) == {"readme": b"hello\n"}


async def test_special_files_in_the_git_directory_block_nobody(repo: Scene) -> None:
    """A FIFO where git keeps a small file: whoever opens it waits forever."""
    lane = await repo.provision()
    for name in ("info/exclude", "info/attributes", "shallow", "logs/pipe"):
        path = repo.repo / ".git" / name
        path.parent.mkdir(exist_ok=True)
        path.unlink(missing_ok=True)
        os.mkfifo(path)
    os.mkfifo(lane / "pipe")
    write(lane / "new", "x\n")
    assert [file.path for file in (await repo.port.diff(repo.lane(), "main")).files] == ["new"]
