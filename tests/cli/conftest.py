from __future__ import annotations

from collections.abc import Iterator

import pytest

from cli.place import Place, make_place


@pytest.fixture
def place() -> Iterator[Place]:
    """An installation without a server. Afterwards nothing of it runs, and its server logged no error."""
    with make_place() as place:
        yield place
        log = place.folder / "s" / "agentlanes" / "server.log"
        text = log.read_text() if log.exists() else ""
        assert " ERROR " not in text, text
