"""The tables that a user may write in config.toml, and what is said about a key that is wrong."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, StringConstraints, model_validator
from pydantic_core import PydanticCustomError

from agentlanes.adapters.agents.drivers import DRIVERS

VARIABLE = r"^[A-Za-z_][A-Za-z0-9_]*$"
HINTS = {
    "argv": 'argv is the program and its arguments, each a text of its own: argv = ["claude-agent-acp"]',
    "extra_args": 'extra_args are arguments after those of argv: extra_args = ["--verbose"]',
    "base": "base is the name of a profile that is built in",
    "driver": f"driver is one of: {', '.join(DRIVERS)}",
    "env": 'env maps names of variables to texts: env = {LOG_LEVEL = "debug"}',
    "env_pass": 'env_pass lists names of variables: env_pass = ["ANTHROPIC_API_KEY"]',
    "model": "model is a text that the agent knows as a model",
    "mode": "mode is a text that the agent knows as a mode",
    "effort": "effort is a text that the agent knows as an effort",
    "append_prompt": "append_prompt is a text of up to 65536 characters",
    "quirks": "quirks is a table; the agent's driver says which keys it knows",
    "mcp_servers": 'mcp_servers lists names of [mcp_servers.<name>] tables: mcp_servers = ["docs"]',
    "preset": 'preset is the name of a server that is known: preset = "context7"',
    "install": 'install is the command that installs the agent: install = ["npm", "install", "--global", "my-agent"]',
    "login": 'login is the command that logs in: login = ["my-agent", "login"]',
    "version_args": 'version_args make the program tell its version and end: version_args = ["--version"]',
    "variants": "variants are tables: [profiles.<name>.variants.<variant>] with what is different",
    "title": "title is a text of 1 to 200 characters on one line",
    "transport": "transport is cliproxy_harness or native_openai",
    "harness": 'harness says how the agent goes through it: harness = {env = {OPENAI_BASE_URL = "{url}/v1"}}',
    "command": 'command is the program: command = "my-mcp-server"',
    "args": 'args are its arguments, each a text of its own: args = ["--acp"]',
    "type": "type is http or sse",
    "headers": 'headers maps names to texts: headers = {Authorization = "Bearer …"}',
    "url": 'url is where it listens: url = "http://127.0.0.1:8317"',
    "key_env": 'key_env names the variable that holds the key: key_env = "CLIPROXY_API_KEY"',
    "interval_seconds": "interval_seconds is a number from 0.1 to 3600",
    "timeout_seconds": "timeout_seconds is a number from 0.05 to 30",
    "failures": "failures is a number of checks, 1 to 100",
    "successes": "successes is a number of checks, 1 to 100",
    "cooldown_seconds": "cooldown_seconds is a number from 0 to 86400",
    "silence_seconds": "silence_seconds is a number from 0 to 2592000; 0 waits for ever",
    "retry_seconds": "retry_seconds is a number from 0 to 2592000; 0 waits for ever",
    "harness_seconds": "harness_seconds is a number from 0 to 2592000; 0 waits for ever",
    "cancel_seconds": "cancel_seconds is a number from 0 to 3600; 0 waits for ever",
    "repeats": "repeats is a number of tool calls, 0 to 10000; 0 counts none",
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
Arguments = Annotated[list[Argument], Field(max_length=1000)]
Program = Annotated[list[Argument], Field(min_length=1, max_length=1000)]
Variable = Annotated[str, StringConstraints(pattern=VARIABLE, max_length=256)]
Variables = dict[Variable, Argument]
Url = Annotated[
    str,
    StringConstraints(pattern=r"^https?://[^\s/?#@]+(/[^\s?#@]*)?$", max_length=2048),
    AfterValidator(_strip_slash),
]


class Table(BaseModel):
    """What all tables have in common: an unknown key is a mistake, and numbers are no texts."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)


class WrittenDetour(Table):
    """`[profiles.<name>.harness]`: how the agent goes through the harness."""

    args: Arguments = Field(default_factory=list)
    env: Variables = Field(default_factory=dict)


class WrittenVariant(Table):
    """`[profiles.<name>.variants.<variant>]`: what is different from the profile."""

    title: Line | None = None
    mode: Line | None = None
    model: Line | None = None
    effort: Line | None = None
    append_prompt: Argument | None = None
    extra_args: Arguments = Field(default_factory=list)
    env: Variables = Field(default_factory=dict)
    env_pass: list[Variable] = Field(default_factory=list)
    mcp_servers: list[Line] | None = None
    transport: Literal["cliproxy_harness", "native_openai"] | None = None


class WrittenProfile(WrittenVariant):
    """One `[profiles.<name>]` table. What is absent, a profile that is built in under its name or its base has."""

    base: Line | None = None
    driver: Annotated[str, AfterValidator(_check_driver)] | None = None
    argv: Program | None = None
    quirks: dict[str, Any] | None = None
    install: Program | None = None
    login: Program | None = None
    version_args: Program | None = None
    harness: WrittenDetour | None = None
    variants: dict[str, WrittenVariant] = Field(default_factory=dict)


class WrittenServer(Table):
    """One entry of `agent_servers`, in the form that editors share."""

    model_config = ConfigDict(extra="ignore", strict=True, frozen=True)

    command: Annotated[Argument, StringConstraints(min_length=1)]
    args: Arguments = Field(default_factory=list)
    env: Variables = Field(default_factory=dict)


class WrittenMcpServer(Table):
    """One `[mcp_servers.<name>]` table: a program, or an address."""

    command: Annotated[Argument, StringConstraints(min_length=1)] | None = None
    args: Arguments = Field(default_factory=list)
    env: Variables = Field(default_factory=dict)
    url: Annotated[str, StringConstraints(pattern=r"^https?://\S+$", max_length=2048)] | None = None
    type: Literal["http", "sse"] = "http"
    headers: dict[Line, Argument] = Field(default_factory=dict)

    @model_validator(mode="after")
    def _check_kind(self) -> WrittenMcpServer:
        if (self.command is None) == (self.url is None):
            raise PydanticCustomError("one_of", "it has a command or a url, one of both")
        return self


class WrittenHarness(Table):
    """The `[harness]` table. The numbers have the defaults of `HarnessPlan` where absent."""

    url: Url
    key_env: Variable | None = None
    interval_seconds: Annotated[float, Field(ge=0.1, le=3600)] | None = None
    timeout_seconds: Annotated[float, Field(ge=0.05, le=30)] | None = None
    failures: Annotated[int, Field(ge=1, le=100)] | None = None
    successes: Annotated[int, Field(ge=1, le=100)] | None = None
    cooldown_seconds: Annotated[float, Field(ge=0, le=86_400)] | None = None


class WrittenPatience(Table):
    """The `[watchdog]` table. The numbers have the defaults of `Patience` where absent; 0 waits for ever."""

    silence_seconds: Annotated[float, Field(ge=0, le=2_592_000)] | None = None
    retry_seconds: Annotated[float, Field(ge=0, le=2_592_000)] | None = None
    harness_seconds: Annotated[float, Field(ge=0, le=2_592_000)] | None = None
    cancel_seconds: Annotated[float, Field(ge=0, le=3600)] | None = None
    repeats: Annotated[int, Field(ge=0, le=10_000)] | None = None
