"""A lane's work as a diff between two trees. Git's diff reads no file of the working tree, and runs no program."""

from __future__ import annotations

import asyncio
from itertools import islice

from agentlanes.adapters.git.invocation import WRITE_SECONDS, Call
from agentlanes.adapters.git.patch import Section, parse_patch
from agentlanes.adapters.git.records import EMPTY_TREES, Counted, parse_summary
from agentlanes.adapters.git.revisions import merge_base, tree_of
from agentlanes.adapters.git.snapshot import Snapshot, skipped_facts
from agentlanes.adapters.git.worktree import Worktree
from agentlanes.core.facts import DiffFacts, DiffFile, DiffOptions, FileStatus, bytes_of_text, text_of_bytes

_STATUSES: dict[str, FileStatus] = {
    "A": "added",
    "M": "modified",
    "D": "deleted",
    "R": "renamed",
    "T": "type_changed",
}
_NO_MODE = b"000000"


async def diff_snapshot(worktree: Worktree, snapshot: Snapshot, target: str, options: DiffOptions) -> DiffFacts:
    """The diff from the merge base of the snapshot's HEAD and the commit `target` to the snapshot."""
    repository, head = worktree.repository, snapshot.head.commit
    base, uncommitted = None, True
    if head is not None:
        base, tree = await asyncio.gather(merge_base(repository, head, target), tree_of(repository, head))
        uncommitted = tree != snapshot.tree
    trees = (base or EMPTY_TREES[repository.preferences.object_format], snapshot.tree)
    if options.hunks:
        counted, sections = await asyncio.gather(
            _summarize(worktree, trees, options), _read_patch(worktree, trees, options)
        )
    else:
        counted, sections = await _summarize(worktree, trees, options), None
    files = _join(counted[: options.max_files], sections)
    return DiffFacts(
        base_commit=base,
        head_commit=head,
        target_commit=target,
        tree=snapshot.tree,
        uncommitted=uncommitted,
        files=tuple(files),
        files_total=len(counted),
        additions=sum(item.additions for item in counted),
        deletions=sum(item.deletions for item in counted),
        truncated=len(files) < len(counted) or any(file.truncated for file in files),
        skipped=skipped_facts(snapshot.skipped),
    )


def _arguments(trees: tuple[str, str], options: DiffOptions, *forms: str) -> list[str | bytes]:
    return [
        *("diff-tree", "-r", "--no-abbrev", "--find-renames", "--no-color"),
        *("--no-ext-diff", "--no-textconv", "--ignore-submodules=none", "--submodule=short"),
        *forms,
        *trees,
        "--",
        *(bytes_of_text(path) for path in options.paths),
    ]


async def _summarize(worktree: Worktree, trees: tuple[str, str], options: DiffOptions) -> list[Counted]:
    arguments = _arguments(trees, options, "--raw", "--numstat", "-z")
    outcome = await worktree.repository.program.run(Call(worktree.ours(), arguments, seconds=WRITE_SECONDS))
    return parse_summary(outcome.out)


async def _read_patch(worktree: Worktree, trees: tuple[str, str], options: DiffOptions) -> list[Section]:
    arguments = _arguments(trees, options, "--patch", f"--unified={options.context_lines}")
    call = Call(worktree.ours(), arguments, max_output=options.max_bytes, seconds=WRITE_SECONDS)
    outcome = await worktree.repository.program.run(call)
    return parse_patch(outcome.out, cut=outcome.cut)


def _join(counted: list[Counted], sections: list[Section] | None) -> list[DiffFile]:
    """Puts each file's part of the patch beside it: both come in the same order."""
    following = iter(sections or ())
    files = []
    for item in counted:
        change = item.change
        # A file that became a symlink, say, is deleted and added.
        expected = 2 if change.status == "T" else 1
        own = list(islice(following, expected))
        files.append(
            DiffFile(
                path=text_of_bytes(change.path),
                old_path=text_of_bytes(change.old_path) if change.status == "R" else None,
                status=_STATUSES[change.status],
                additions=item.additions,
                deletions=item.deletions,
                binary=item.binary,
                old_mode=None if change.old_mode == _NO_MODE else change.old_mode.decode(),
                new_mode=None if change.new_mode == _NO_MODE else change.new_mode.decode(),
                hunks=tuple(hunk for section in own for hunk in section.hunks),
                truncated=sections is not None and (len(own) < expected or not all(part.complete for part in own)),
                lossy=any(section.lossy for section in own),
            )
        )
    return files
