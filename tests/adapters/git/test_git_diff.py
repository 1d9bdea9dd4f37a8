"""A lane's diff: what changed since it left its target, committed or not."""

from __future__ import annotations

import asyncio
import difflib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters.git.scene import Scene, write, write_raw
from agentlanes.adapters.git.patch import parse_patch
from agentlanes.core.facts import DiffFacts, DiffFile, DiffOptions, text_of_bytes
from agentlanes.kernel.ports.git import GitRefusal, RefusalCode


async def diff(scene: Scene, target: str | None = "main", **options: object) -> DiffFacts:
    return await scene.port.diff(scene.lane(), target, DiffOptions(**options))  # type: ignore[arg-type]


def by_path(facts: DiffFacts) -> dict[str, DiffFile]:
    return {file.path: file for file in facts.files}


def patched(old: list[str], file: DiffFile) -> list[str]:
    """Applies hunks to lines, the way `patch` would."""
    result, at = [], 0
    for hunk in file.hunks:
        start = hunk.old_start - 1 if hunk.old_lines else hunk.old_start
        result += old[at:start]
        at = start + hunk.old_lines
        result += [line[1:] for line in hunk.lines if line[0] in " +"]
        assert sum(line[0] in " -" for line in hunk.lines) == hunk.old_lines
        assert sum(line[0] in " +" for line in hunk.lines) == hunk.new_lines
    return result + old[at:]


async def test_nothing_changed(repo: Scene) -> None:
    await repo.provision()
    facts = await diff(repo)
    head = repo.git("rev-parse", "HEAD")
    assert (facts.base_commit, facts.head_commit, facts.target_commit) == (head, head, head)
    assert (facts.files, facts.files_total, facts.uncommitted, facts.truncated) == ((), 0, False, False)


async def test_every_status(repo: Scene) -> None:
    write(repo.repo / "moved", "".join(f"line {n}\n" for n in range(30)))
    write(repo.repo / "gone", "x\ny\n")
    write(repo.repo / "typed", "target")
    write(repo.repo / "mode", "x\n")
    repo.commit_all("more")
    lane = await repo.provision()
    write(lane / "readme", "hello\nworld\n")
    (lane / "moved").rename(lane / "src" / "moved here")
    (lane / "gone").unlink()
    (lane / "typed").unlink()
    (lane / "typed").symlink_to("target")
    (lane / "mode").chmod(0o755)
    write(lane / "empty", "")
    write(lane / "binary", b"\0\1\2")
    facts = await diff(repo)
    files = by_path(facts)
    assert {path: file.status for path, file in files.items()} == {
        "binary": "added",
        "empty": "added",
        "gone": "deleted",
        "mode": "modified",
        "readme": "modified",
        "src/moved here": "renamed",
        "typed": "type_changed",
    }
    assert files["src/moved here"].old_path == "moved"
    assert files["readme"].old_path is None
    assert (files["mode"].old_mode, files["mode"].new_mode) == ("100644", "100755")
    assert (files["typed"].old_mode, files["typed"].new_mode) == ("100644", "120000")
    assert (files["empty"].old_mode, files["gone"].new_mode) == (None, None)
    assert (files["binary"].binary, files["binary"].additions, files["binary"].hunks) == (True, 0, ())
    assert (files["gone"].additions, files["gone"].deletions) == (0, 2)
    assert [hunk.lines for hunk in files["readme"].hunks] == [(" hello", "+world")]
    assert (facts.additions, facts.deletions) == (1, 2), "as git counts: the same text in a file and a symlink"
    assert facts.uncommitted
    assert [line for hunk in files["typed"].hunks for line in hunk.lines] == [
        *("-target", "\\ No newline at end of file", "+target", "\\ No newline at end of file"),
    ]


async def test_the_lanes_work_only(repo: Scene) -> None:
    """What the target gained meanwhile is not the lane's doing."""
    base = repo.git("rev-parse", "HEAD")
    lane = await repo.provision()
    write(repo.repo / "readme", "the target's\n")
    target = repo.commit_all("target goes on")
    write(lane / "new", "n\n")
    await repo.commit_lane()
    write(lane / "newer", "n\n")
    facts = await diff(repo)
    assert (facts.base_commit, facts.target_commit) == (base, target)
    assert set(by_path(facts)) == {"new", "newer"}


async def test_against_the_lanes_own_beginning(repo: Scene) -> None:
    lane = await repo.provision()
    write(lane / "new", "n\n")
    await repo.commit_lane()
    assert set(by_path(await diff(repo, None))) == {"new"}


async def test_unrelated_histories(repo: Scene) -> None:
    await repo.provision()
    repo.git("checkout", "-q", "--orphan", "other")
    repo.commit_all("unrelated")
    facts = await diff(repo, "other")
    assert facts.base_commit is None
    assert {file.status for file in facts.files} == {"added"}


async def test_a_head_without_a_commit(repo: Scene) -> None:
    lane = await repo.provision()
    repo.git("checkout", "-q", "--orphan", "other", cwd=lane)
    facts = await diff(repo)
    assert (facts.head_commit, facts.uncommitted) == (None, True)


async def test_a_target_that_is_not_there(repo: Scene) -> None:
    await repo.provision()
    with pytest.raises(GitRefusal) as refused:
        await diff(repo, "nope")
    assert refused.value.code is RefusalCode.COMMIT_NOT_FOUND


async def test_hunks_rebuild_the_file(repo: Scene) -> None:
    old = [f"line {n}" for n in range(200)]
    write(repo.repo / "long", "\n".join(old) + "\n")
    repo.commit_all("long")
    lane = await repo.provision()
    new = ["first", *old[:50], *old[60:120], "changed", *old[121:]]
    new += ["last", "@@ -1 +1 @@", "diff --git a/x b/x", "--- a", "+++ b"]
    write(lane / "long", "\n".join(new) + "\n")
    for context in (0, 1, 3, 1000):
        facts = await diff(repo, context_lines=context)
        file = facts.files[0]
        assert patched(old, file) == new
        assert not file.truncated
    assert len((await diff(repo, context_lines=0)).files[0].hunks) == 4


async def test_sections_are_named(repo: Scene) -> None:
    write(repo.repo / "code.py", "def function():\n" + "".join(f"    x = {n}\n" for n in range(20)))
    repo.commit_all("code")
    lane = await repo.provision()
    write(lane / "code.py", (lane / "code.py").read_text().replace("x = 15\n", "x = 0\n"))
    assert (await diff(repo)).files[0].hunks[0].section == "def function():"


async def test_line_ends_and_missing_ones(repo: Scene) -> None:
    lane = await repo.provision()
    write(lane / "dos", "a\r\nb\rc\r\n")
    write(lane / "open", "no end")
    files = by_path(await diff(repo))
    assert files["dos"].hunks[0].lines == ("+a\r", "+b\rc\r")
    assert files["open"].hunks[0].lines == ("+no end", "\\ No newline at end of file")


async def test_text_that_is_not_utf8(repo: Scene) -> None:
    lane = await repo.provision()
    write(lane / "latin", b"caf\xe9\n")
    write(lane / "utf8", "café\u2028x\x85y\n")
    files = by_path(await diff(repo))
    assert (files["latin"].lossy, files["latin"].hunks[0].lines) == (True, ("+caf\ufffd",))
    assert (files["utf8"].lossy, files["utf8"].hunks[0].lines) == (False, ("+café\u2028x\x85y",))


async def test_odd_names(repo: Scene) -> None:
    names = [b"new\nline", b'"quoted"', b"-dash", b"caf\xe9", b":(top)magic", b"*", b"tab\t", b"a => b", b"{x}"]
    for name in names:
        write_raw(repo.repo, name, b"".join(b"%d %s\n" % (n, name) for n in range(20)))
    repo.commit_all("odd")
    lane = await repo.provision()
    for name in names:
        write_raw(lane, name + b" moved", b"".join(b"%d %s\n" % (n, name) for n in range(20)) + b"one more\n")
        (lane / name.decode("utf-8", "surrogateescape")).unlink()
    facts = await diff(repo)
    assert {(file.old_path, file.path) for file in facts.files} == {
        (text_of_bytes(name), text_of_bytes(name + b" moved")) for name in names
    }
    for file in facts.files:
        assert [line for hunk in file.hunks for line in hunk.lines if line[0] in "+-"] == ["+one more"]
    for name in names:
        one = await diff(repo, paths=(text_of_bytes(name + b" moved"),))
        assert [(file.path, file.status) for file in one.files] == [(text_of_bytes(name + b" moved"), "added")]


async def test_paths_select_folders_and_files(repo: Scene) -> None:
    lane = await repo.provision()
    for name in ("src/a.txt", "src/b", "srcs", "readme"):
        write(lane / name, "changed\n")
    assert set(by_path(await diff(repo, paths=("src",)))) == {"src/a.txt", "src/b"}
    assert set(by_path(await diff(repo, paths=("readme", "src/b", "none")))) == {"readme", "src/b"}


async def test_files_without_hunks(repo: Scene) -> None:
    lane = await repo.provision()
    write(lane / "new", "n\n")
    facts = await diff(repo, hunks=False)
    assert (facts.files[0].hunks, facts.files[0].additions, facts.files[0].truncated) == ((), 1, False)
    assert not facts.truncated


async def test_a_patch_that_is_too_long_is_cut_between_hunks(repo: Scene) -> None:
    lane = await repo.provision()
    for name in ("a", "b", "c"):
        write(lane / name, "".join(f"{name} {n}\n" for n in range(1000)))
    whole = await diff(repo)
    for limit in (1, 100, 9000, 12000, 20000, 10**6):
        facts = await diff(repo, max_bytes=limit)
        assert facts.files_total == len(facts.files) == 3
        assert facts.additions == 3000
        for file, full in zip(facts.files, whole.files, strict=True):
            assert file.hunks == (() if file.truncated else full.hunks)
        assert facts.truncated == any(file.truncated for file in facts.files) == (limit < 10**6)


async def test_a_list_that_is_too_long_is_cut(repo: Scene) -> None:
    lane = await repo.provision()
    for number in range(10):
        write(lane / f"new{number}", "x\n")
    facts = await diff(repo, max_files=3)
    assert (len(facts.files), facts.files_total, facts.additions, facts.truncated) == (3, 10, 10, True)
    assert all(file.hunks for file in facts.files)


async def test_submodules_show_their_commits(repo: Scene) -> None:
    lane = await repo.provision()
    head = repo.git("rev-parse", "HEAD")
    repo.git("update-index", "--add", "--cacheinfo", f"160000,{head},module", cwd=lane)
    repo.git("commit", "-q", "-m", "module", cwd=lane)
    (lane / "module").mkdir()
    write(lane / "z", "x\n")
    files = by_path(await diff(repo))
    assert files["module"].hunks[0].lines == (f"+Subproject commit {head}",)
    assert files["z"].hunks[0].lines == ("+x",)


async def test_skipped_paths_are_told(repo: Scene) -> None:
    lane = await repo.provision()
    (lane / "nested").mkdir()
    repo.git("init", "-q", cwd=lane / "nested")
    assert [skip.path for skip in (await diff(repo)).skipped] == ["nested"]


async def test_diffs_and_snapshots_at_once(repo: Scene) -> None:
    """Two editors look at one lane: both see the same."""
    lane = await repo.provision()
    write(lane / "new", "n\n")
    found = await asyncio.gather(*(diff(repo) for _ in range(6)))
    assert len({facts.tree for facts in found}) == 1
    assert len(found[0].files) == 1


LINES = st.lists(
    st.sampled_from(["a", "b", "", "- x", "+ y", "@@ -1 +1 @@", "diff --git a b", "\\ No", " "]), max_size=12
)


@given(LINES, LINES, st.booleans(), st.integers(0, 3))
def test_any_patch_of_git_can_be_read(old: list[str], new: list[str], end: bool, context: int) -> None:
    header = "diff --git a/f b/f\nindex 1..2 100644\n--- a/f\n+++ b/f\n"
    body = "\n".join(list(difflib.unified_diff(old, new, lineterm="", n=context))[2:])
    if not body:
        return
    note = "\n\\ No newline at end of file" if end else ""
    sections = parse_patch((header + body + note + "\n").encode(), cut=False)
    assert len(sections) == 1
    changes = [line for hunk in sections[0].hunks for line in hunk.lines]
    assert [line[1:] for line in changes if line[0] == "+"] == [
        line[1:] for line in body.split("\n") if line.startswith("+")
    ]
    assert sum(hunk.new_lines - hunk.old_lines for hunk in sections[0].hunks) == len(new) - len(old)


def test_a_patch_with_nothing_in_it() -> None:
    assert parse_patch(b"", cut=False) == []
    assert parse_patch(b"diff --git a", cut=True) == []
