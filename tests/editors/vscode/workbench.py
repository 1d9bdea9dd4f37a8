"""A real VS Code: its server and extension host, and its workbench in a headless Chromium."""

from __future__ import annotations

import contextlib
import json
import os
import re
import shutil
import signal
import subprocess
import urllib.parse
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from playwright.sync_api import Browser, Page, sync_playwright

from cli.place import Place

ROOT = Path(__file__).parents[3]
EXTENSION = ROOT / "editors" / "vscode"
PACKED = EXTENSION / "dist" / "agentlanes.vsix"
CODE = ROOT / ".cache" / "vscode"
PICTURES = ROOT / ".cache" / "screenshots"
PATIENCE_MS = 60_000

_CHROMIUM = [
    *("--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-sync"),
    *("--disable-background-networking", "--disable-component-update"),
]
_SETTINGS = {
    "workbench.startupEditor": "none",
    "workbench.reduceMotion": "on",
    "workbench.secondarySideBar.defaultVisibility": "hidden",
    "workbench.welcomePage.walkthroughs.openOnInstall": False,
    "terminal.integrated.gpuAcceleration": "off",
    "chat.disableAIFeatures": True,
    "remote.autoForwardPorts": False,
    "git.openRepositoryInParentFolders": "never",
    "telemetry.telemetryLevel": "off",
    "update.mode": "none",
}
# A browser gives an editor no time at the end, so it writes what its windows look like every few seconds.
_IS_KEPT = """async ([key, text]) => {
  for (const { name } of await indexedDB.databases()) {
    const db = await new Promise((done) => { indexedDB.open(name).onsuccess = (event) => done(event.target.result) })
    try {
      if (!db.objectStoreNames.contains("ItemTable")) continue
      const read = db.transaction("ItemTable").objectStore("ItemTable").get(key)
      const found = await new Promise((done) => { read.onsuccess = () => done(read.result) })
      if (String(found).includes(text)) return true
    } finally {
      db.close()
    }
  }
  return false
}"""


class Workbench:
    """One VS Code server in a place of its own."""

    def __init__(self, place: Place, address: str, chromium: Browser) -> None:
        self.place = place
        self.address = address
        self.chromium = chromium

    def run_suite(self, suite: Path) -> tuple[int, list[str]]:
        """Runs a test module in the extension host. Returns its exit code and what it logged."""
        development = [
            ["extensionDevelopmentPath", self._remote(EXTENSION)],
            ["extensionTestsPath", self._remote(suite)],
            ["skipWelcome", "true"],
        ]
        exits: list[int] = []
        logged: list[str] = []
        with self.open(payload=development) as page:
            # The page hands these over as it starts, so they are there before it is loaded.
            page.expose_function("codeAutomationExit", lambda code, logs=None: exits.append(code))
            page.expose_function("codeAutomationLog", lambda kind, args: logged.append(" ".join(map(str, args))))
            page.reload()
            for _ in range(2 * PATIENCE_MS // 100):
                if exits:
                    return exits[0], logged
                page.wait_for_timeout(100)
        raise AssertionError("the suite does not end\n" + "\n".join(logged[-40:]))

    @contextlib.contextmanager
    def open(self, payload: list[list[str]] | None = None) -> Iterator[Page]:
        """A window on the place's repository."""
        with self.chromium.new_context(viewport={"width": 1280, "height": 800}) as context:
            page = context.new_page()
            page.set_default_timeout(PATIENCE_MS)
            self.visit(page, payload)
            yield page

    def visit(self, page: Page, payload: list[list[str]] | None = None) -> None:
        """Opens the window on a page that was on something else; what an earlier window has left is there again."""
        query = {"folder": str(self.place.folder / "repo")}
        if payload is not None:
            query["payload"] = json.dumps(payload)
        page.goto(f"http://{self.address}/?{urllib.parse.urlencode(query)}", wait_until="commit")

    def wait_until_kept(self, page: Page, panel: str, draft: str = "") -> None:
        """Waits until the editor has kept a session's panel, and a draft in it, for the next window."""
        looks = PATIENCE_MS // 100
        for key, text in (("memento/workbench.parts.editor", panel), ("agentlanes.agentlanes", draft)):
            while text and not page.evaluate(_IS_KEPT, [key, text]):
                looks -= 1
                assert looks > 0, f"{text!r} is not kept"
                page.wait_for_timeout(100)

    def _remote(self, path: Path) -> str:
        return f"vscode-remote://{self.address}{path}"


def find_chromium() -> str:
    """The browser. Raises AssertionError, saying how to get it."""
    found = shutil.which("chromium") or shutil.which("google-chrome")
    assert found is not None, "chromium is missing; `make vscode` installs it"
    return found


@contextlib.contextmanager
def start_chromium() -> Iterator[Browser]:
    """A browser without a screen. While it is there, nothing else of its process can use asyncio."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=find_chromium(), args=_CHROMIUM)
        try:
            yield browser
        finally:
            browser.close()


@contextlib.contextmanager
def start_workbench(
    place: Place, chromium: Browser, *, packed: Path | None = None, trusts: bool = True
) -> Iterator[Workbench]:
    """Starts the server with the folders of a user who never saw VS Code.

    `packed` is a .vsix to install first. Without one, the window is for suites in the extension host: these need the
    smoke-test driver, which shows no notifications.
    """
    run = place.folder / "vscode"
    user = run / "data" / "User"
    user.mkdir(parents=True)
    command = [shutil.which("agentlanes", path=place.env["PATH"]), "stdio"]
    trust = {"security.workspace.trust.enabled": not trusts, "security.workspace.trust.startupPrompt": "never"}
    (user / "settings.json").write_text(json.dumps({**_SETTINGS, **trust, "agentlanes.command": command}))
    folders = {"--server-data-dir": "server", "--user-data-dir": "data", "--extensions-dir": "extensions"}
    dirs = [text for flag, name in folders.items() for text in (flag, str(run / name))]
    node, main = CODE / "bin" / "node", CODE / "vscode" / "out" / "server-main.js"
    env = {**place.env, "EXTENSIONS_GALLERY": "{}", "PATH": f"{CODE / 'bin'}:{place.env['PATH']}"}
    if packed is not None:
        install = [str(node), str(main), *dirs, "--accept-server-license-terms", "--install-extension", str(packed)]
        subprocess.run(install, env=env, check=True, capture_output=True)
    flags = ["--host", "127.0.0.1", "--port", "0", "--without-connection-token", "--accept-server-license-terms"]
    if packed is None:
        flags.append("--enable-smoke-test-driver")
    log = place.folder / "vscode.log"
    with log.open("wb") as out:
        server = subprocess.Popen(
            [node, main, *flags, *dirs, "--telemetry-level", "off"],
            env=env,
            stdout=out,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    try:
        yield Workbench(place, _wait_for_address(server, log), chromium)
    finally:
        os.killpg(server.pid, signal.SIGTERM)
        server.wait()


def _wait_for_address(server: subprocess.Popen[Any], log: Path) -> str:
    while True:
        found = re.search(r"Web UI available at http://([^/\s?]+)", log.read_text())
        if found is not None:
            return found[1].replace("localhost", "127.0.0.1")
        assert server.poll() is None, log.read_text()
        with contextlib.suppress(subprocess.TimeoutExpired):
            server.wait(0.05)
