"""What tests of the driver start from."""

from __future__ import annotations

import pytest

from agents.conversation import Dialogue


@pytest.fixture
def talk() -> Dialogue:
    """An agent that works on a prompt."""
    dialogue = Dialogue()
    dialogue.open()
    dialogue.core.prompt("go")
    dialogue.settle()
    return dialogue
