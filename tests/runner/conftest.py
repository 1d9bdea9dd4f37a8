from __future__ import annotations

import itertools
import os
from collections.abc import Iterator

import pytest

from runner.rig import Client, Rig, count_fds, make_folder

_numbers = itertools.count()


@pytest.fixture
def rig() -> Iterator[Rig]:
    """A lane without a runner yet. Afterwards its runner is gone, its log is empty, and no descriptor is left."""
    before = count_fds(os.getpid())
    with make_folder() as folder:
        rig = Rig(folder, f"lane_{os.getpid()}_{next(_numbers)}")
        try:
            yield rig
        finally:
            rig.clear()
    assert count_fds(os.getpid()) == before


@pytest.fixture
def client(rig: Rig) -> Client:
    """The server of a runner that was just started."""
    return rig.connect()
