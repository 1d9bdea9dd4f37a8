"""Codex in lanes of a server of its own: the real binary, and a scripted Responses service behind it."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Any

from e2e.rig import WAIT_SECONDS, Rig

CONFIG = """\
model = "gpt-5.5"
model_provider = "fake"
check_for_update_on_startup = false

[analytics]
enabled = false

[otel]
exporter = "none"

[model_providers.fake]
name = "fake"
base_url = "{url}/v1"
wire_api = "responses"
requires_openai_auth = false
supports_websockets = false
request_max_retries = 0
stream_max_retries = 0
"""
"""gpt-5.5 is in Codex's own catalog and takes patches as text."""


def write_home(home: Path, url: str) -> Path:
    """A CODEX_HOME whose one model service is at `url`."""
    home.mkdir(exist_ok=True)
    (home / "config.toml").write_text(CONFIG.format(url=url))
    return home


def configure(rig: Rig, codex: Path, url: str, more: str = "") -> None:
    """The profile codex, as a user would write it."""
    home = write_home(rig.folder / "codex", url)
    rig.configure(
        f"""
default_profile = "codex"

[profiles.codex]
driver = "codex"
argv = [{json.dumps(str(codex))}, "app-server"]
env = {{CODEX_HOME = {json.dumps(str(home))}}}
{more}
"""
    )


def show(items: list[dict[str, Any]]) -> list[tuple[str, str]]:
    """Kind and text, or title, of each."""
    return [(item["kind"], item.get("text") or item.get("tool", {}).get("title") or "") for item in items]


def find_words(*words: str) -> list[int]:
    """Processes whose command line is exactly these words."""
    line = b"".join(word.encode() + b"\0" for word in words)
    return [int(entry.name) for entry in _processes() if _read(entry / "cmdline") == line]


async def wait_for_words(*words: str) -> None:
    """Until a process of these words runs, which nobody tells: an agent says that it begins one before it has."""
    async with asyncio.timeout(WAIT_SECONDS):
        while not find_words(*words):  # noqa: ASYNC110
            await asyncio.sleep(0.02)


def find_codex(rig: Rig) -> list[int]:
    """The app-servers that run in a rig."""
    home = f"CODEX_HOME={rig.folder / 'codex'}".encode()
    return [
        int(entry.name)
        for entry in _processes()
        if _read(entry / "cmdline").endswith(b"\0app-server\0") and home in _read(entry / "environ").split(b"\0")
    ]


def _processes() -> list[Path]:
    return [entry for entry in Path("/proc").iterdir() if entry.name.isdigit()]


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError:
        return b""
