from __future__ import annotations

from collections.abc import Iterator

import pytest

from cli.place import Place, make_place
from editors.neovim.editor import Editor, start_editor


@pytest.fixture
def place() -> Iterator[Place]:
    """An installation with a repository. Its server, which the editor starts, must not log an error."""
    with make_place() as place:
        place.make_repo()
        yield place
        log = place.folder / "s" / "agentlanes" / "server.log"
        assert not log.exists() or " ERROR " not in log.read_text(), log.read_text()


@pytest.fixture
def editor(place: Place) -> Iterator[Editor]:
    with start_editor(place) as editor:
        yield editor
