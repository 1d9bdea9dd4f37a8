"""The tables that a user may write in config.toml, and what is said about a key that is wrong."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, StringConstraints
from pydantic_core import PydanticCustomError

from agentlanes.adapters.agents.drivers import DRIVERS

VARIABLE = r"^[A-Za-z_][A-Za-z0-9_]*$"
HINTS = {
    "argv": 'argv is the program and its arguments, each a text of its own: argv = ["claude-agent-acp"]',
    "driver": f"driver is one of: {', '.join(DRIVERS)}",
    "env": 'env maps names of variables to texts: env = {LOG_LEVEL = "debug"}',
    "env_pass": 'env_pass lists names of variables: env_pass = ["ANTHROPIC_API_KEY"]',
    "model": "model is a text that the agent knows as a model",
    "mode": "mode is a text that the agent knows as a mode",
    "title": "title is a text of 1 to 200 characters on one line",
    "transport": "transport is cliproxy_harness or native_openai",
    "harness": 'harness says how the agent goes through it: harness = {env = {OPENAI_BASE_URL = "{url}/v1"}}',
    "url": 'url is where the harness listens: url = "http://127.0.0.1:8317"',
    "key_env": 'key_env names the variable that holds the key: key_env = "CLIPROXY_API_KEY"',
    "interval_seconds": "interval_seconds is a number from 0.1 to 3600",
    "timeout_seconds": "timeout_seconds is a number from 0.05 to 30",
    "failures": "failures is a number of checks, 1 to 100",
    "successes": "successes is a number of checks, 1 to 100",
    "cooldown_seconds": "cooldown_seconds is a number from 0 to 86400",
}


def _check_driver(name: str) -> str:
    if name not in DRIVERS:
        raise PydanticCustomError("driver_unknown", "there is no driver {name}", {"name": name})
    return name


def _check_line(text: str) -> str:
    if not text.isprintable():
        raise PydanticCustomError("not_one_line", "it has characters that do not print on one line")
    return text


def _strip_slash(url: str) -> str:
    return url.rstrip("/")


Line = Annotated[str, StringConstraints(min_length=1, max_length=200), AfterValidator(_check_line)]
Argument = Annotated[str, StringConstraints(max_length=65_536, pattern=r"^[^\x00]*$")]
Variable = Annotated[str, StringConstraints(pattern=VARIABLE, max_length=256)]


class Table(BaseModel):
    """What all tables have in common: an unknown key is a mistake, and numbers are no texts."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)


class WrittenDetour(Table):
    """`[profiles.<name>.harness]`: how the agent goes through the harness."""

    args: list[Argument] = Field(default_factory=list)
    env: dict[Variable, Argument] = Field(default_factory=dict)


class WrittenProfile(Table):
    """One `[profiles.<name>]` table."""

    driver: Annotated[str, AfterValidator(_check_driver)] = "acp"
    argv: Annotated[list[Argument], Field(min_length=1, max_length=1000)]
    env: dict[Variable, Argument] = Field(default_factory=dict)
    env_pass: list[Variable] = Field(default_factory=list)
    title: Line | None = None
    mode: Line | None = None
    model: Line | None = None
    transport: Literal["cliproxy_harness", "native_openai"] | None = None
    harness: WrittenDetour | None = None


class WrittenHarness(Table):
    """The `[harness]` table. The numbers have the defaults of `HarnessPlan` where absent."""

    url: Annotated[
        str,
        StringConstraints(pattern=r"^https?://[^\s/?#@]+(/[^\s?#@]*)?$", max_length=2048),
        AfterValidator(_strip_slash),
    ]
    key_env: Variable | None = None
    interval_seconds: Annotated[float, Field(ge=0.1, le=3600)] | None = None
    timeout_seconds: Annotated[float, Field(ge=0.05, le=30)] | None = None
    failures: Annotated[int, Field(ge=1, le=100)] | None = None
    successes: Annotated[int, Field(ge=1, le=100)] | None = None
    cooldown_seconds: Annotated[float, Field(ge=0, le=86_400)] | None = None
