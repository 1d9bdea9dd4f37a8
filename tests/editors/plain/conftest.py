from __future__ import annotations

from collections.abc import Iterator

import pytest

from cli.place import Place, make_place

README = "# A small project\n\nTODO: say hello to the reader 👋\n"


@pytest.fixture
def place() -> Iterator[Place]:
    """An installation with a repository that has something to do. Its server, which the editor starts, must not log an
    error."""
    with make_place() as place:
        repo = place.make_repo()
        (repo / "README.md").write_text(README)
        place.git("commit", "-qam", "Leave something to do", cwd=repo)
        yield place
        log = place.folder / "s" / "agentlanes" / "server.log"
        assert not log.exists() or " ERROR " not in log.read_text(), log.read_text()
