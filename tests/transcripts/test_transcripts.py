"""The main stories, as they are on the wire."""

from __future__ import annotations

from pathlib import Path

import pytest

from e2e.rig import make_clean_rig
from transcripts.transcript import Player, read_transcript

STORIES = sorted(Path(__file__).parent.glob("*.txt"))


@pytest.mark.parametrize("path", STORIES, ids=lambda path: path.stem)
async def test_a_story(path: Path) -> None:
    steps = read_transcript(path)
    assert steps
    with make_clean_rig() as rig:
        rig.start()
        player = Player(rig)
        try:
            await player.play(steps)
        finally:
            await player.close()
