"""What the user's git configuration says about content, read as data.

`git config --file` parses a file and runs nothing. Only values from the lists below are taken over, and only into our
own config; everything that names a program is at most remembered as a name.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

from msgspec import Struct

from agentlanes.adapters.git.invocation import Call, Program
from agentlanes.adapters.git.plain_files import Signature, read_plain, signature
from agentlanes.kernel.ports.git import GitRefusal, RefusalCode

_SECONDS = 10.0
_CORE_VALUES: Mapping[bytes, tuple[bytes, ...]] = {
    b"core.autocrlf": (b"true", b"false", b"input"),
    b"core.eol": (b"lf", b"crlf", b"native"),
    b"core.filemode": (b"true", b"false"),
    b"core.ignorecase": (b"true", b"false"),
    b"core.symlinks": (b"true", b"false"),
}
_EXTENSIONS = {
    b"compatobjectformat",
    b"noop",
    b"noop-v1",
    b"objectformat",
    b"partialclone",
    b"preciousobjects",
    b"relativeworktrees",
    b"worktreeconfig",
}
_SPARSE = (b"core.sparsecheckout", b"core.sparsecheckoutcone", b"index.sparse")
_TRUE = {b"true", b"yes", b"on", b"1", None}

Pairs = tuple[tuple[bytes, bytes | None], ...]


class Preferences(Struct, frozen=True):
    """The part of a user's configuration that changes what content means."""

    bare: bool
    object_format: str
    unknown_extensions: tuple[str, ...]
    partial_clone: bool
    core: tuple[tuple[str, str], ...]
    """Settings of `core` that decide how file content is stored, as our own config repeats them."""
    filters: frozenset[str]
    hidden: bool
    """The repository's config includes other files, which we do not follow: it may configure any filter."""
    excludes: bytes
    """Ignore patterns, least important first: the user's own, then the repository's `info/exclude`."""
    attributes: bytes
    """The repository's `info/attributes`."""
    own_attributes: bytes
    """The user's own attributes."""
    safe_directories: frozenset[str]
    author: tuple[str, str] | None
    """`user.name` and `user.email`."""


class PreferenceReader:
    """Reads the preferences of repositories; reads a config file again only when it changed."""

    def __init__(self, program: Program, home: Path, environment: Mapping[str, str]) -> None:
        self._program = program
        self._home = home
        config_home = environment.get("XDG_CONFIG_HOME")
        self._xdg = (Path(config_home) if config_home else home / ".config") / "git"
        self._parsed: dict[Path, tuple[Signature, Pairs]] = {}

    async def read(self, common_dir: Path) -> Preferences:
        own: Pairs = ()
        for path in (Path("/etc/gitconfig"), self._xdg / "config", self._home / ".gitconfig"):
            own += await self._pairs(path, follow=True)
        repository = await self._pairs(common_dir / "config", follow=False)
        last = dict(own + repository)
        core = {key: last[key] for key, values in _CORE_VALUES.items() if last.get(key) in values}
        return Preferences(
            bare=dict(repository).get(b"core.bare", b"false") in _TRUE,
            object_format=(dict(repository).get(b"extensions.objectformat") or b"sha1").decode("ascii", "replace"),
            unknown_extensions=tuple(sorted(_unknown_extensions(repository))),
            partial_clone=any(key == b"extensions.partialclone" or _is_promisor(key) for key, _ in repository),
            core=tuple((key.decode()[len("core.") :], (value or b"").decode()) for key, value in core.items()),
            filters=frozenset(
                os.fsdecode(name)
                for key, value in own + repository
                if value and (name := _filter_name(key)) is not None
            ),
            hidden=any(key.startswith((b"include.", b"includeif.")) for key, _ in repository),
            excludes=b"\n".join(
                (self._own(last, b"core.excludesfile", "ignore"), read_plain(common_dir / "info" / "exclude") or b"")
            ),
            attributes=read_plain(common_dir / "info" / "attributes") or b"",
            own_attributes=self._own(last, b"core.attributesfile", "attributes"),
            safe_directories=frozenset(os.fsdecode(value or b"") for key, value in own if key == b"safe.directory"),
            author=_author(last),
        )

    async def read_sparse(self, common_dir: Path, git_dir: Path) -> tuple[str, ...]:
        """The settings that make git honour the sparse checkout of the worktree whose git directory this is."""
        shared = await self._pairs(common_dir / "config", follow=False)
        own = await self._pairs(git_dir / "config.worktree", follow=False)
        values = dict(shared + own)
        return tuple(f"{name.decode()}={_flag(values[name])}" for name in _SPARSE if name in values)

    async def _pairs(self, path: Path, *, follow: bool) -> Pairs:
        seen = signature(path)
        if seen is None:
            self._parsed.pop(path, None)
            return ()
        known = self._parsed.get(path)
        if known is not None and known[0] == seen:
            return known[1]
        if read_plain(path) is None:
            raise GitRefusal(
                RefusalCode.REPO_UNREADABLE,
                f"{path} is no readable file of reasonable size; git could not use this repository either",
                {"path": str(path)},
            )
        arguments = ["config", "--file", str(path), "--includes" if follow else "--no-includes", "--null", "--list"]
        # An include may begin with `~`. No key of the file has any effect on `git config` itself.
        call = Call(self._program.nowhere, arguments, extra={"HOME": str(self._home)}, seconds=_SECONDS)
        outcome = await self._program.run(call)
        pairs = tuple(_pair(entry) for entry in outcome.out.split(b"\0") if entry)
        self._parsed[path] = (seen, pairs)
        return pairs

    def _own(self, values: Mapping[bytes, bytes | None], key: bytes, default: str) -> bytes:
        """The content of a file that the config names, or that lies where git looks for it by default."""
        configured = os.fsdecode(values.get(key) or b"")
        if not configured:
            path = self._xdg / default
        elif configured.startswith("~/"):
            path = self._home / configured[2:]
        else:
            path = self._home / configured
        return read_plain(path) or b""


def _pair(entry: bytes) -> tuple[bytes, bytes | None]:
    key, newline, value = entry.partition(b"\n")
    return key, value if newline else None


def _unknown_extensions(pairs: Pairs) -> set[str]:
    unknown = set()
    for key, value in pairs:
        section, _, name = key.partition(b".")
        if section != b"extensions":
            continue
        known = name in _EXTENSIONS or (name == b"refstorage" and value == b"files")
        if not known or (name == b"objectformat" and value not in (b"sha1", b"sha256")):
            unknown.add(f"{os.fsdecode(name)}={os.fsdecode(value or b'')}")
    return unknown


def _is_promisor(key: bytes) -> bool:
    return key.startswith(b"remote.") and key.endswith((b".promisor", b".partialclonefilter"))


def _filter_name(key: bytes) -> bytes | None:
    if key.startswith(b"filter.") and key.endswith((b".clean", b".smudge", b".process")):
        return key[len(b"filter.") :].rsplit(b".", 1)[0]
    return None


def _flag(value: bytes | None) -> str:
    return "true" if value in _TRUE else "false"


def _author(values: Mapping[bytes, bytes | None]) -> tuple[str, str] | None:
    name, email = values.get(b"user.name"), values.get(b"user.email")
    return (name.decode("utf-8", "replace"), email.decode("utf-8", "replace")) if name and email else None
