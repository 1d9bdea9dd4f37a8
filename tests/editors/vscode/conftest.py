from __future__ import annotations

from collections.abc import Iterator

import pytest

from cli.place import Place, make_place


@pytest.fixture
def place() -> Iterator[Place]:
    """An installation with a repository. Its server, which the editor starts, must not log an error."""
    with make_place() as place:
        place.make_repo()
        yield place
        log = place.folder / "s" / "agentlanes" / "server.log"
        assert not log.exists() or " ERROR " not in log.read_text(), log.read_text()
