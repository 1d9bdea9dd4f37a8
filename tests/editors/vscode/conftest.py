from __future__ import annotations

import contextlib
import json
import sys
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, expect

from cli.place import Place, make_place
from editors.vscode.person import Person
from editors.vscode.workbench import PACKED, PATIENCE_MS, Workbench, start_chromium, start_workbench

expect.set_options(timeout=PATIENCE_MS)

OTHER = f"""
default_profile = "demo"

[profiles.other]
driver = "acp"
argv = {json.dumps([sys.executable, "-m", "agentlanes", "demo-agent"])}
"""


@contextlib.contextmanager
def make_repo_place() -> Iterator[Place]:
    """An installation with a repository. Its server, which the editor starts, must not log an error."""
    with make_place() as place:
        place.configure(OTHER)
        place.make_repo()
        yield place
        log = place.folder / "s" / "agentlanes" / "server.log"
        assert not log.exists() or " ERROR " not in log.read_text(), log.read_text()


@pytest.fixture
def place() -> Iterator[Place]:
    with make_repo_place() as place:
        yield place


@pytest.fixture(scope="package")
def chromium() -> Iterator[Browser]:
    """One for this folder, and gone after it: other tests use asyncio."""
    with start_chromium() as browser:
        yield browser


@pytest.fixture(scope="module")
def office(chromium: Browser) -> Iterator[tuple[Workbench, Person]]:
    """One window for all tests of a module, because opening one is what they would spend their time with."""
    with (
        make_repo_place() as place,
        start_workbench(place, chromium, packed=PACKED) as workbench,
        workbench.open() as page,
    ):
        yield workbench, Person(page)


@pytest.fixture
def person(office: tuple[Workbench, Person], request: pytest.FixtureRequest) -> Iterator[Person]:
    """Somebody in front of that window, with no editor open and no lane."""
    workbench, person = office
    failures = request.session.testsfailed
    yield person
    if request.session.testsfailed > failures:
        person.photograph(f"failed-{request.node.name}")
    person.close_editors()
    place = workbench.place
    for lane in place.call("lane.list")["lanes"]:
        if lane["status"] != "closed":
            place.call("lane.cleanup", {"force": True}, "--lane", lane["lane_id"], "--wait")


@pytest.fixture
def workbench(office: tuple[Workbench, Person]) -> Workbench:
    return office[0]
