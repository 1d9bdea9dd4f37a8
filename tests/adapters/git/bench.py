"""Measures the port against plain git on the same repository, in the same run: `python tests/adapters/git/bench.py`.

Nothing is deleted until the end: for minutes after many deletions ext4 makes files several times slower, and whoever
comes second would pay for it. Runs of both sides take turns; ratios are of medians.
"""

from __future__ import annotations

import asyncio
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable
from pathlib import Path

sys.path[:0] = [str(Path(__file__).parents[3] / "server"), str(Path(__file__).parents[2])]

from adapters.git.scene import NOW, Scene, write  # noqa: E402 - the path comes first

FILES = int(os.environ.get("BENCH_FILES", "50000"))
ROUNDS = int(os.environ.get("BENCH_ROUNDS", "5"))
LANES = 50

Side = Callable[[int], Awaitable[object]]


def say(text: str) -> None:
    sys.stdout.write(text + "\n")
    sys.stdout.flush()


def import_files(scene: Scene, count: int) -> None:
    """Commits `count` files of about 3 kB in folders of 20."""
    stream = bytearray(b"commit refs/heads/main\ncommitter x <x@x> 1700000000 +0000\ndata 1\ni\n")
    for number in range(count):
        content = b"".join(b"line %d of file %d\n" % (line * 7919 % 1009, number) for line in range(130))
        path = b"d%d/s%d/f%d.txt" % (number // 1000, number // 20 % 50, number)
        stream += b"M 100644 inline %s\ndata %d\n%s\n" % (path, len(content), content)
    scene.repo.mkdir(parents=True)
    scene.git("init", "-q")
    scene.git("fast-import", "--quiet", stdin=bytes(stream))
    scene.git("checkout", "-q", "-f", "main")


async def run(*command: str, cwd: Path) -> None:
    process = await asyncio.create_subprocess_exec(
        *command, cwd=cwd, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    if await process.wait():
        raise RuntimeError(f"{command} failed")


async def compare(name: str, ours: Side, theirs: Side, rounds: int = ROUNDS) -> None:
    taken: tuple[list[float], list[float]] = ([], [])
    for number in range(rounds):
        sides = [(taken[0], ours), (taken[1], theirs)]
        for times, side in sides if number % 2 else sides[::-1]:
            begun = time.perf_counter()
            await side(number)
            times.append((time.perf_counter() - begun) * 1000)
    mine, plain = (statistics.median(times) for times in taken)
    say(
        f"{name:34} ours {mine:7.0f} ms (best {min(taken[0]):6.0f})   plain {plain:7.0f} ms (best {min(taken[1]):6.0f})"
        f"   ratio {mine / plain:5.2f} (best {min(taken[0]) / min(taken[1]):5.2f})"
    )


async def big(root: Path) -> None:
    scene = Scene(root)
    import_files(scene, FILES)
    say(f"{FILES} files, {ROUNDS} rounds; plain = git with the same effect")
    base = scene.git("rev-parse", "HEAD")
    plain = [root / f"plain{number}" for number in range(ROUNDS)]

    await compare(
        "lane ready / worktree add",
        lambda number: scene.provision(f"lane_{number}", base),
        lambda number: run("git", "worktree", "add", "-q", str(plain[number]), "-b", f"p{number}", cwd=scene.repo),
    )
    address, lane, other = scene.lane("lane_0"), root / "lanes" / "lane_0", plain[0]
    await compare(
        "first snapshot / first status",
        lambda number: scene.port.snapshot(scene.lane(f"lane_{number}")),
        lambda number: run("git", "status", "--porcelain", cwd=plain[number]),
    )
    await compare(
        "snapshot, no change / status",
        lambda _: scene.port.snapshot(address),
        lambda _: run("git", "status", "--porcelain", cwd=other),
        rounds=15,
    )

    def change(folder: Path, number: int) -> None:
        for index in range(5):
            write(folder / "d1" / "s1" / f"f{1020 + index}.txt", f"changed {number}\n")
        write(folder / f"new{number}", "new\n")

    async def our_changed(number: int) -> None:
        change(lane, number)
        await scene.port.snapshot(address)

    async def their_changed(number: int) -> None:
        change(other, number)
        await run("git", "add", "-A", cwd=other)

    await compare("snapshot, 6 changes / add -A", our_changed, their_changed, rounds=15)
    await compare(
        "diff with hunks / git diff HEAD",
        lambda _: scene.port.diff(address, "main"),
        lambda _: run("git", "diff", "HEAD", cwd=other),
        rounds=15,
    )

    async def our_commit(number: int) -> None:
        change(lane, 100 + number)
        await scene.commit_lane(name="lane_0", time=NOW + number)

    async def their_commit(number: int) -> None:
        change(other, 100 + number)
        await run("git", "add", "-A", cwd=other)
        await run("git", "-c", "user.name=x", "-c", "user.email=x@x", "commit", "-q", "-m", "x", cwd=other)

    await compare("commit / add -A, commit", our_commit, their_commit, rounds=9)
    await compare(
        "assess / status --ignored",
        lambda _: scene.port.assess(address, "main"),
        lambda _: run("git", "status", "--porcelain", "--ignored", cwd=other),
        rounds=9,
    )

    async def our_merge(number: int) -> None:
        change(lane, 200 + number)
        await scene.commit_lane(name="lane_0", time=NOW + 200 + number)
        begun.append(time.perf_counter())
        await scene.port.merge(scene.plan_merge(name="lane_0", time=NOW + 200 + number))
        begun.append(time.perf_counter())

    begun: list[float] = []
    for number in range(5):
        await our_merge(number)
    merges = [end - start for start, end in zip(begun[::2], begun[1::2], strict=True)]
    say(f"{'merge into a checked-out main':34} ours {statistics.median(merges) * 1000:7.0f} ms")
    for number in (1, 2):
        facts = await scene.port.assess(scene.lane(f"lane_{number}"), "main")
        start = time.perf_counter()
        await scene.port.remove(scene.lane(f"lane_{number}"), facts.fingerprint)
        say(f"{'remove':34} ours {(time.perf_counter() - start) * 1000:7.0f} ms")
        start = time.perf_counter()
        await run("git", "worktree", "remove", str(plain[number]), cwd=scene.repo)
        say(f"{'git worktree remove':34}      {(time.perf_counter() - start) * 1000:7.0f} ms")


async def small(root: Path) -> None:
    scene = Scene(root)
    import_files(scene, 100)
    base = scene.git("rev-parse", "HEAD")

    async def ours(number: int) -> None:
        await asyncio.gather(*(scene.provision(f"lane_{number}_{lane}", base) for lane in range(LANES)))

    async def add(name: str) -> None:
        await run("git", "worktree", "add", "-q", str(root / "plain" / name), "-b", name, cwd=scene.repo)

    async def in_turn(number: int) -> None:
        for lane in range(LANES):
            await add(f"p{number}-{lane}")

    async def at_once(number: int) -> None:
        await asyncio.gather(*(add(f"q{number}-{lane}") for lane in range(LANES)))

    await compare(f"{LANES} lanes at once / one by one", ours, in_turn, rounds=3)
    await compare(f"{LANES} lanes at once / at once", lambda number: ours(number + 10), at_once, rounds=3)


def main() -> None:
    root = Path(tempfile.mkdtemp(prefix="git-bench-", dir=os.environ.get("BENCH_DIR")))
    try:
        asyncio.run(small(root / "small"))
        asyncio.run(big(root / "big"))
    finally:
        shutil.rmtree(root)


if __name__ == "__main__":
    main()
