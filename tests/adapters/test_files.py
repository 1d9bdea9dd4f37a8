"""Files that a lane gets: what is found, what stays as it is, what never leaves or enters."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

import pytest

from agentlanes.adapters.files.local_files import LocalFiles
from agentlanes.kernel.ports.files import CopyError

CONFIG = {"config/a.local": "a", "config/a.json": "{}", "config/deep/b.local": "b"}
SOURCE = {
    **CONFIG,
    ".env": "key",
    ".git/config": "[core]",
    "vendor/.hidden/c": "c",
    "vendor/d": "d",
}

CASES: tuple[tuple[str, tuple[str, ...], Mapping[str, str], Mapping[str, str]], ...] = (
    ("a file", (".env",), {}, {".env": "key"}),
    ("nothing", ("none", "*.none"), {}, {}),
    ("a glob", ("config/*.local",), {}, {"config/a.local": "a"}),
    ("any folders", ("**/*.local",), {}, {"config/a.local": "a", "config/deep/b.local": "b"}),
    ("a folder", ("vendor",), {}, {"vendor/.hidden/c": "c", "vendor/d": "d"}),
    ("what is there stays", (".env", "config/*.json"), {".env": "mine"}, {".env": "mine", "config/a.json": "{}"}),
    ("a file where a folder would be", ("none", ".env"), {"vendor": "file"}, {"vendor": "file", ".env": "key"}),
    ("git's own folder", ("*/config", "**/con*", "*/d"), {}, {**CONFIG, "vendor/d": "d"}),
)


def write(folder: Path, files: Mapping[str, str]) -> Path:
    for name, text in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text)
    return folder


def read(folder: Path) -> dict[str, str]:
    return {str(path.relative_to(folder)): path.read_text() for path in folder.rglob("*") if path.is_file()}


@pytest.fixture
def source(tmp_path: Path) -> Path:
    return write(tmp_path / "source", SOURCE)


@pytest.fixture
def target(tmp_path: Path) -> Path:
    (tmp_path / "target").mkdir()
    return tmp_path / "target"


@pytest.mark.parametrize(("patterns", "before", "after"), [case[1:] for case in CASES], ids=[case[0] for case in CASES])
async def test_what_is_copied(
    source: Path, target: Path, patterns: tuple[str, ...], before: Mapping[str, str], after: Mapping[str, str]
) -> None:
    write(target, before)
    assert await LocalFiles().copy(str(source), str(target), patterns) == len(after) - len(before)
    assert read(target) == after
    assert await LocalFiles().copy(str(source), str(target), patterns) == 0
    assert read(target) == after


async def test_modes_and_symlinks_are_kept(source: Path, target: Path) -> None:
    (source / ".env").chmod(0o600)
    (source / "link").symlink_to("/etc/hostname")
    (source / "folder-link").symlink_to("config")
    os.mkfifo(source / "pipe")
    await LocalFiles().copy(str(source), str(target), (".env", "link", "folder-link", "pipe"))
    assert (target / ".env").stat().st_mode & 0o777 == 0o600
    assert str((target / "link").readlink()) == "/etc/hostname"
    assert str((target / "folder-link").readlink()) == "config"
    assert not (target / "pipe").exists()


@pytest.mark.parametrize("side", ["source", "target"])
async def test_no_symlink_leads_out(tmp_path: Path, source: Path, target: Path, side: str) -> None:
    outside = write(tmp_path / "outside", {"secret": "s"})
    (source if side == "source" else target).joinpath("way").symlink_to(outside)
    if side == "target":
        write(source, {"way/secret-too": "t"})
    with pytest.raises(CopyError) as error:
        await LocalFiles().copy(str(source), str(target), ("way/*",))
    assert "leads out" in error.value.reason
    assert read(outside) == {"secret": "s"}
    assert not (target / "way" / "secret-too").exists() or side == "source"


async def test_a_copy_that_was_cut_is_made_whole(source: Path, target: Path) -> None:
    write(target, {"..env.agentlanes-copy": "k"})
    await LocalFiles().copy(str(source), str(target), (".env",))
    assert read(target) == {".env": "key"}


async def test_a_copy_without_end_is_given_up(source: Path, target: Path) -> None:
    with pytest.raises(CopyError) as error:
        await LocalFiles(patience_seconds=-1).copy(str(source), str(target), ("**/*",))
    assert "narrow copy_files" in error.value.reason
