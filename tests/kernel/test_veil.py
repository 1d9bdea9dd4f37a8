"""What may be secret is in no repr."""

from __future__ import annotations

import pytest
from rich.pretty import pretty_repr

from agentlanes.kernel.environments import Environment
from agentlanes.kernel.ports import agents, runners
from agentlanes.kernel.ports.agents import Launch
from agentlanes.kernel.ports.runners import SpawnPlan
from agentlanes.kernel.ports.veil import Veiled

SECRET = {"API_KEY": "s3cret"}
RECORDS = (
    Environment(SECRET, SECRET),
    Launch(("agent",), SECRET, (), "acp", mcp_servers=({"env": SECRET},)),
    SpawnPlan("prc_1", ("agent",), "/", SECRET),
)


@pytest.mark.parametrize("record", RECORDS, ids=lambda record: type(record).__name__)
def test_no_repr_shows_a_veiled_value(record: Veiled) -> None:
    for told in (repr(record), str([record]), pretty_repr(record)):
        assert type(record).__name__ in told
        assert "s3cret" not in told
        assert "API_KEY" not in told


def test_every_environment_of_the_ports_is_veiled() -> None:
    for record in (*vars(agents).values(), *vars(runners).values()):
        if isinstance(record, type) and issubclass(record, Veiled):
            assert set(record.veiled) <= set(record.__struct_fields__)
            assert "env" not in set(record.__struct_fields__) - set(record.veiled)
