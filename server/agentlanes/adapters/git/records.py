"""The NUL-separated records that git's plumbing prints."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator

from msgspec import Struct

EMPTY_TREES = {
    "sha1": "4b825dc642cb6eb9a060e54bf8d69288fbee4904",
    "sha256": "6ef19b41225c5369f1c104d45d8d85efa9b057b53b14b4b9b939dd74decc5321",
}

GITLINK = b"160000"
"""The mode of a submodule."""


class Change(Struct, frozen=True):
    """One record of `--raw -z`. Modes are six octal digits, `000000` for a side that does not exist."""

    status: str
    """The letter; without the similarity of a rename."""
    path: bytes
    old_path: bytes
    """Differs from `path` for a rename."""
    old_mode: bytes
    new_mode: bytes
    old_id: str
    new_id: str


class Counted(Struct, frozen=True):
    """A change with its numbers of lines; a binary one has none."""

    change: Change
    additions: int
    deletions: int
    binary: bool


class Entry(Struct, frozen=True):
    """One record of `ls-files --stage -z`."""

    mode: bytes
    object_id: str
    stage: int
    path: bytes


def split_records(output: bytes) -> list[bytes]:
    return output.split(b"\0")[:-1]


def parse_changes(output: bytes) -> list[Change]:
    """The records of `--raw -z`."""
    return _take_changes(deque(split_records(output)))


def parse_summary(output: bytes) -> list[Counted]:
    """The records of `--raw --numstat -z`."""
    fields = deque(split_records(output))
    counted = []
    for change in _take_changes(fields):
        additions, deletions, path = fields.popleft().split(b"\t", 2)
        if not path:
            fields.popleft()
            fields.popleft()
        binary = additions == b"-"
        counted.append(Counted(change, 0 if binary else int(additions), 0 if binary else int(deletions), binary))
    return counted


def _take_changes(fields: deque[bytes]) -> list[Change]:
    changes = []
    while fields and fields[0].startswith(b":"):
        old_mode, new_mode, old_id, new_id, letter = fields.popleft()[1:].split(b" ")
        old_path = fields.popleft()
        path = fields.popleft() if letter[:1] in b"RC" else old_path
        status = letter[:1].decode("ascii")
        changes.append(Change(status, path, old_path, old_mode, new_mode, old_id.decode(), new_id.decode()))
    return changes


def parse_entries(output: bytes) -> Iterator[Entry]:
    for record in split_records(output):
        head, path = record.split(b"\t", 1)
        mode, object_id, stage = head.split(b" ")
        yield Entry(mode, object_id.decode("ascii"), int(stage), path)
