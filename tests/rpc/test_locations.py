"""Where things are, and that nobody else's folder is ever used."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from agentlanes import locations


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for name in ("AGENTLANES_STATE_DIR", "XDG_STATE_HOME", "XDG_DATA_HOME", "XDG_CONFIG_HOME"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HOME", str(tmp_path))
    return tmp_path


@pytest.fixture
def deep(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A state folder that is too deep for sockets."""
    state = tmp_path / ("d" * 120) / "state"
    temp = tmp_path / "t"
    temp.mkdir()
    monkeypatch.setenv("AGENTLANES_STATE_DIR", str(state))
    # A test's folder may itself be too deep, so the temp folder is named from near the root.
    monkeypatch.setattr(locations, "_find_temp_dir", lambda: str(temp))
    return state


def mode_of(path: Path | str) -> int:
    return Path(path).stat().st_mode & 0o777


def test_the_folders_are_xdgs(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert locations.find_state_dir() == f"{home}/.local/state/agentlanes"
    assert locations.find_data_dir() == f"{home}/.local/share/agentlanes"
    assert locations.find_config_dir() == f"{home}/.config/agentlanes"
    assert locations.find_server_lock() == f"{home}/.local/state/agentlanes/server.lock"
    assert locations.find_server_log() == f"{home}/.local/state/agentlanes/server.log"
    monkeypatch.setenv("XDG_STATE_HOME", "/elsewhere")
    assert locations.find_state_dir() == "/elsewhere/agentlanes"
    monkeypatch.setenv("XDG_STATE_HOME", "relative/is/ignored")
    assert locations.find_state_dir() == f"{home}/.local/state/agentlanes"
    monkeypatch.setenv("AGENTLANES_STATE_DIR", "/of/its/own")
    assert locations.find_state_dir() == "/of/its/own"
    assert locations.find_data_dir() == f"{home}/.local/share/agentlanes"


def test_folders_are_private(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    state = tmp_path / "a" / "b"
    monkeypatch.setenv("AGENTLANES_STATE_DIR", str(state))
    monkeypatch.setattr(locations, "SOCKET_PATH_BYTES", 4096)
    assert locations.make_server_socket() == f"{state}/run/server.sock"
    assert [mode_of(path) for path in (tmp_path / "a", state, state / "run")] == [0o700] * 3
    (state / "run").chmod(0o755)
    locations.make_run_dir()
    assert mode_of(state / "run") == 0o700


def test_a_path_that_cannot_be_a_folder_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "file"
    file.touch()
    for path in (file, file / "below"):
        with pytest.raises(locations.LocationError, match="set AGENTLANES_STATE_DIR"):
            locations.make_dir(str(path))
    monkeypatch.setattr(os, "getuid", lambda: 4711)
    with pytest.raises(locations.LocationError, match="not a folder of this user"):
        locations.make_dir(str(tmp_path))


def test_a_deep_state_folder_has_its_sockets_under_the_temp_folder(deep: Path) -> None:
    run_dir = Path(locations.make_run_dir())
    assert run_dir.parent.name == "t"
    assert mode_of(run_dir) == 0o700
    assert (deep / "run.path").read_text() == str(run_dir)
    assert locations.make_run_dir() == str(run_dir)
    assert mode_of(deep) == 0o700


def test_a_folder_that_is_gone_or_not_ours_is_not_used(deep: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    first = Path(locations.make_run_dir())
    first.rmdir()
    second = Path(locations.make_run_dir())
    assert second.is_dir()
    assert second != first

    second.chmod(0o755)
    third = Path(locations.make_run_dir())
    assert third != second

    third.rename(third.with_suffix(".moved"))
    third.symlink_to(third.with_suffix(".moved"))
    assert locations.make_run_dir() != str(third)

    pointer = deep / "run.path"
    pointer.write_bytes(b"\0 no path")
    fourth = locations.make_run_dir()
    monkeypatch.setattr(os, "getuid", lambda: 4711)
    with pytest.raises(locations.LocationError):
        locations.make_run_dir()
    assert pointer.read_text() == fourth


def test_the_temp_folder_is_tmpdir_unless_it_is_useless(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TMPDIR", "/var/tmp")
    assert locations._find_temp_dir() == "/var/tmp"
    for useless in ("relative", "/not/there", str(tmp_path / ("d" * 90))):
        monkeypatch.setenv("TMPDIR", useless)
        assert locations._find_temp_dir() == "/tmp"


def test_several_at_once_agree_on_one_folder(deep: Path, tmp_path: Path) -> None:
    env = {**os.environ, "PYTHONPATH": str(Path(__file__).parent.parent.parent / "server")}
    program = (
        "from agentlanes import locations\n"
        f"locations._find_temp_dir = lambda: {str(tmp_path / 't')!r}\n"
        "print(locations.make_run_dir())"
    )
    processes = [
        subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE, text=True, env=env) for _ in range(6)
    ]
    folders = {process.communicate()[0].strip() for process in processes}
    assert len(folders) == 1
    assert list((tmp_path / "t").iterdir()) == [Path(folders.pop())]
