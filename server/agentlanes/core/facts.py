"""What the git port saw or did: plain, frozen data that travels inside commands as `facts`.

Every value is a str, int, bool, None, a tuple of these, or another class of this module, so facts pickle and turn into
JSON as they are. Commits, trees and blobs are full lower-case hex object ids (40 digits, in a SHA-256 repository 64).
Times are whole seconds since the Unix epoch, UTC.

Paths and branch names are *git text*, see `text_of_bytes`. Paths inside a repository are relative to its top level and
use `/`; paths of directories are absolute.
"""

from __future__ import annotations

import re
from typing import Literal

from msgspec import Struct

from agentlanes.wire.models import LaneMode

ObjectFormat = Literal["sha1", "sha256"]
Presence = Literal["ok", "missing", "foreign"]
FileStatus = Literal["added", "modified", "deleted", "renamed", "type_changed"]
Operation = Literal["rebase", "merge", "cherry_pick", "revert", "bisect", "am"]
SkipReason = Literal["nested_repository", "forbidden_name", "unreadable"]
Risk = Literal[
    "uncommitted",
    "untracked",
    "staged",
    "unreferenced_commits",
    "references",
    "operation",
    "nested_repository",
    "unstorable",
    "index_unreadable",
    "locked",
    "repository_missing",
]

_ESCAPES = {7: "\\a", 8: "\\b", 9: "\\t", 10: "\\n", 11: "\\v", 12: "\\f", 13: "\\r", 34: '\\"', 92: "\\\\"}
_UNESCAPES = {text[1]: code for code, text in _ESCAPES.items()}
_ESCAPED = re.compile(r'\\([0-3][0-7]{2}|[abtnvfr"\\])|([^\\"])')


def text_of_bytes(raw: bytes) -> str:
    """The text that stands for a path or ref name, whatever its bytes; `bytes_of_text` gives them back exactly.

    UTF-8 stands as it is. Other bytes, and a name that itself begins with a double quote, are written the way git
    quotes paths: in double quotes, with C escapes and three octal digits per byte. So text is quoted if and only if
    its first character is a double quote, and git's own `--stdin` readers accept it.
    """
    if not raw.startswith(b'"'):
        try:
            return raw.decode("utf-8")
        except UnicodeDecodeError:
            pass
    return quote(raw)


def quote(raw: bytes) -> str:
    """Any bytes the way git quotes paths."""
    escaped = (_ESCAPES.get(b) or (chr(b) if 32 <= b < 127 else f"\\{b:03o}") for b in raw)
    return f'"{"".join(escaped)}"'


def bytes_of_text(text: str) -> bytes:
    """The bytes that a git text stands for. Raises ValueError for text that `text_of_bytes` never writes."""
    if not text.startswith('"'):
        return text.encode("utf-8")
    body = text[1:-1]
    raw, end = bytearray(), 0
    while end < len(body):
        match = _ESCAPED.match(body, end)
        if match is None:
            break
        escape, plain = match.groups()
        if plain is not None:
            raw += plain.encode("utf-8")
        else:
            raw.append(int(escape, 8) if len(escape) == 3 else _UNESCAPES[escape])
        end = match.end()
    if len(text) < 2 or not text.endswith('"') or end != len(body):
        raise ValueError(f"not a quoted git text: {text!r}")
    return bytes(raw)


class RepoAddress(Struct, frozen=True):
    """Where a repo is: its id with us, and its `RepoFacts.top_level`."""

    repo_id: str
    path: str


class RepoFacts(Struct, frozen=True):
    """A repository as found on disk. Symlinks in its paths are resolved."""

    top_level: str
    """The main worktree; where the main repository is bare, the worktree that was asked about."""
    common_dir: str
    object_dir: str
    object_format: ObjectFormat
    head_branch: str | None
    """Short name; None when HEAD is detached."""
    head_commit: str
    bare: bool
    """True for a bare main repository that was reached through one of its linked worktrees."""
    has_submodules: bool
    """`.gitmodules` exists at the top level."""
    filters: tuple[str, ...]
    """Filter drivers configured for this user and repository (for example `lfs`); we never run them."""
    author: Identity | None = None
    """Who the user's configuration says commits are by, if it says a name and an email that a commit can bear."""


class BranchFacts(Struct, frozen=True):
    """A local branch."""

    name: str
    commit: str
    checked_out_at: tuple[str, ...]
    """The worktrees whose HEAD is this branch."""


class WorktreeAddress(Struct, frozen=True):
    """A lane's working tree of one repo: which lane, where, and the branch that the lane works on."""

    repo: RepoAddress
    lane_id: str
    path: str
    branch: str
    mode: LaneMode = "worktree"
    """`clone`: a repository of its own in the place of a linked worktree."""


class WorktreePlan(Struct, frozen=True):
    """A worktree to provision: its address, and the commit that the new branch starts at."""

    worktree: WorktreeAddress
    base_commit: str
    adopt_branch: bool = False
    """The branch exists already and is checked out where it is, as when a removed lane comes back."""


class WorktreeFacts(Struct, frozen=True):
    """A lane's worktree as found on disk."""

    path: str
    presence: Presence
    """`missing`: no such directory. `foreign`: something is there, but not the worktree that we made."""
    head_branch: str | None
    """None when HEAD is detached, or when the worktree is not `ok`."""
    head_commit: str | None
    """None on a branch without a commit, or when the worktree is not `ok`."""
    base_commit: str | None
    """The commit that the lane started at, while our ref pins it."""
    operation: Operation | None
    locked: bool


class SkippedPath(Struct, frozen=True):
    """Something in a worktree that no commit can hold."""

    path: str
    reason: SkipReason


class SnapshotFacts(Struct, frozen=True):
    """Everything in a worktree that git does not ignore, as one tree in our object directory."""

    tree: str
    head_commit: str | None
    skipped: tuple[SkippedPath, ...]


class DiffOptions(Struct, frozen=True):
    """What a diff contains. Renames are found only among `paths`; an empty tuple means everything."""

    paths: tuple[str, ...] = ()
    context_lines: int = 3
    hunks: bool = True
    max_bytes: int = 4 * 1024 * 1024
    """Patch text beyond this is cut, and the files it would have covered say `truncated`."""
    max_files: int = 10_000


class DiffHunk(Struct, frozen=True):
    """One `@@` block. Each line keeps its first character: space, `+`, `-`, or `\\` (no newline at end of file)."""

    old_start: int
    old_lines: int
    new_start: int
    new_lines: int
    section: str
    lines: tuple[str, ...]


class DiffFile(Struct, frozen=True):
    """One changed file."""

    path: str
    old_path: str | None
    """The former path of a renamed file."""
    status: FileStatus
    additions: int
    deletions: int
    binary: bool
    old_mode: str | None
    """Six octal digits as git writes them; None for an added file."""
    new_mode: str | None
    hunks: tuple[DiffHunk, ...]
    truncated: bool
    """The hunks were asked for and are not complete."""
    lossy: bool
    """Some line is not UTF-8; the bytes in question read as U+FFFD."""


class DiffFacts(Struct, frozen=True):
    """A lane's work: from the merge base of its HEAD and a target, to its working tree with untracked files."""

    base_commit: str | None
    """None when the two share no history; the diff is then against the empty tree."""
    head_commit: str | None
    target_commit: str
    tree: str
    uncommitted: bool
    """The working tree differs from HEAD."""
    files: tuple[DiffFile, ...]
    files_total: int
    additions: int
    deletions: int
    truncated: bool
    skipped: tuple[SkippedPath, ...]


class Identity(Struct, frozen=True):
    """Who a commit is by. Neither part may be empty, nor contain `<`, `>`, a newline or NUL."""

    name: str
    email: str


class CommitPlan(Struct, frozen=True):
    """A commit of everything in a worktree. Equal plans on equal content give the same commit id."""

    worktree: WorktreeAddress
    message: str
    author: Identity
    time: int
    expected_head: str


class CommitFacts(Struct, frozen=True):
    """A commit on the lane's branch."""

    commit: str
    tree: str
    parent: str
    branch: str
    skipped: tuple[SkippedPath, ...]


class MergePlan(Struct, frozen=True):
    """A merge of the lane's branch into `target_branch` (short name)."""

    worktree: WorktreeAddress
    target_branch: str
    message: str
    author: Identity
    time: int
    expected_target: str | None = None
    """Refuse when the target is at another commit. None accepts whatever it is at."""
    squash: bool = False


class MergeFacts(Struct, frozen=True):
    """A merge that the target branch now holds."""

    commit: str
    target_branch: str
    previous_target: str
    source_commit: str
    fast_forward_possible: bool
    """The target had nothing that the lane lacked. We still write a commit."""
    files: tuple[str, ...]
    """Paths that differ between the previous target and the merge."""
    updated_worktree: str | None
    """The checkout of the target branch that was brought along."""


class NestedRepository(Struct, frozen=True):
    """A git repository inside a worktree: a commit of the worktree cannot hold its content."""

    path: str
    submodule: bool
    """The worktree's index records a commit for it."""


class AssessmentFacts(Struct, frozen=True):
    """What would be lost if a worktree were removed. `risks` is empty exactly when nothing would."""

    presence: Presence
    fingerprint: str
    """Changes when anything changes that this assessment looked at; `remove` wants it back."""
    risks: tuple[Risk, ...]
    head_branch: str | None
    head_commit: str | None
    branch_commit: str | None
    """The lane's branch; removal keeps it."""
    branch_unmerged: int | None
    """Commits of the branch that the target does not contain; None without a target."""
    tree: str | None
    uncommitted: tuple[str, ...]
    """Tracked files that differ from HEAD; at most 1000 of `uncommitted_total`."""
    uncommitted_total: int
    untracked: tuple[str, ...]
    """At most 1000 of `untracked_total`."""
    untracked_total: int
    unreferenced_commits: tuple[str, ...]
    """Tips that HEAD or its log know and that no ref and no branch's log in the user's repository reaches. In a clone
    also those that any ref, log or nothing at all names; not the lane's branch, which removal keeps."""
    references: tuple[str, ...]
    """Refs of a clone that lead to what only the clone holds. None in a worktree, whose refs are the repository's."""
    operation: Operation | None
    nested: tuple[NestedRepository, ...]
    unstorable: tuple[SkippedPath, ...]
    ignored_entries: int
    """Ignored files and directories (a directory counts once). They are removed without asking."""
    locked_reason: str | None
    """None when not locked."""


class RescueFacts(Struct, frozen=True):
    """Work that was saved from a worktree, and how its user gets it back."""

    repo_id: str
    lane_id: str
    time: int
    commit: str | None
    ref: str | None
    """The ref in `git_dir` that holds `commit`; None when there was nothing that a commit can hold."""
    git_dir: str
    base_commit: str | None
    """The objects of this commit stay in the user's repository, pinned there by a ref of the same name."""
    moved_to: str | None
    """Where the directory went, when it held what no commit can hold."""
    admin_moved_to: str | None
    """Where the worktree's git directory went; it holds the git directories of submodules."""
    restore: str | None
    """One shell line for the user's repository that makes the work a branch."""
    fingerprint: str
    """What `remove` expects after this rescue."""


class RemovalFacts(Struct, frozen=True):
    """A worktree that is gone."""

    path: str
    was_missing: bool
    """The user had deleted the directory before."""
    left_behind: bool
    """Something that is not the worktree that we made is at its path, and was left alone."""
    branch_deleted: bool
