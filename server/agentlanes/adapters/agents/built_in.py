"""The agents that are known without any config: how each is started, found, installed and logged in to.

Nothing here is ever downloaded or run but what the user installed. Credential files are looked at for being there, and
never opened.
"""

from __future__ import annotations

import sys

from agentlanes.kernel.ports.agents import About, Credentials, Detour, Known, Launch
from agentlanes.relay import VERSION
from agentlanes.wire.models import Profile, SetupCommand

BUILT_IN = "built in"

DRIVERS = ("acp", "codex", "stream_json", "terminal")
"""Protocols that this release has drivers for, told without loading one."""

_CLAUDE = Credentials(
    env=("ANTHROPIC_API_KEY", "ANTHROPIC_AUTH_TOKEN", "CLAUDE_CODE_OAUTH_TOKEN", "CLAUDE_CODE_USE_BEDROCK"),
    files=("${CLAUDE_CONFIG_DIR:-~/.claude}/.credentials.json",),
    # apiKeyHelper in its settings; on macOS the keychain.
    elsewhere=("${CLAUDE_CONFIG_DIR:-~/.claude}/settings.json", "/Library/Keychains"),
)
_CLAUDE_ENV = (*_CLAUDE.env, "ANTHROPIC_BASE_URL", "CLAUDE_CODE_USE_VERTEX", "CLAUDE_CONFIG_DIR")
_CLAUDE_DETOUR = Detour(env={"ANTHROPIC_BASE_URL": "{url}", "ANTHROPIC_AUTH_TOKEN": "{key}"})
_CODEX = Credentials(
    files=("${CODEX_HOME:-~/.codex}/auth.json",),
    # Another provider, or the keyring.
    elsewhere=("${CODEX_HOME:-~/.codex}/config.toml",),
)
_CODEX_ENV = ("CODEX_HOME", "OPENAI_API_KEY", "OPENAI_BASE_URL")
# A provider of its own, because the one that Codex has cannot be overruled; what has no key is left out.
_CODEX_DETOUR = Detour(
    args=('--config=model_provider="agentlanes_harness"',),
    standing=(
        '--config=model_providers.agentlanes_harness.name="cliproxyapi"',
        '--config=model_providers.agentlanes_harness.base_url="{url}/v1"',
        '--config=model_providers.agentlanes_harness.wire_api="responses"',
        '--config=model_providers.agentlanes_harness.env_key="{key_env}"',
    ),
)
_OPENAI_DETOUR = Detour(env={"OPENAI_BASE_URL": "{url}/v1", "OPENAI_API_KEY": "{key}"})
_GEMINI = Credentials(
    env=("GEMINI_API_KEY", "GOOGLE_API_KEY", "GOOGLE_GENAI_USE_VERTEXAI"),
    files=("~/.gemini/oauth_creds.json",),
    elsewhere=("~/.gemini/settings.json", "~/.gemini/.env"),
)
_GEMINI_ENV = (*_GEMINI.env, "GOOGLE_CLOUD_PROJECT", "GOOGLE_CLOUD_LOCATION", "GOOGLE_APPLICATION_CREDENTIALS")
_COPILOT = Credentials(
    env=("COPILOT_GITHUB_TOKEN", "GH_TOKEN", "GITHUB_TOKEN"), elsewhere=("~/.copilot", "~/.config/gh/hosts.yml")
)
_QWEN = Credentials(
    env=("OPENAI_API_KEY", "DASHSCOPE_API_KEY"),
    files=("~/.qwen/oauth_creds.json",),
    elsewhere=("~/.qwen/settings.json", "~/.qwen/.env"),
)
# It has models of its own makers that need no login, and providers by any variable.
_OPENCODE = Credentials(files=("${XDG_DATA_HOME:-~/.local/share}/opencode/auth.json",), elsewhere=("~",))
_VIBE = Credentials(
    env=("MISTRAL_API_KEY",),
    files=("${VIBE_HOME:-~/.vibe}/.env",),
    elsewhere=("${VIBE_HOME:-~/.vibe}/config.toml",),
)
_AMP = Credentials(env=("AMP_API_KEY",), files=("${XDG_DATA_HOME:-~/.local/share}/amp/secrets.json",))
_CURSOR = Credentials(
    env=("CURSOR_API_KEY", "CURSOR_AUTH_TOKEN"),
    files=("${XDG_CONFIG_HOME:-~/.config}/cursor/auth.json",),
    elsewhere=("~/.cursor",),
)
_DROID = Credentials(env=("FACTORY_API_KEY",), files=("~/.factory/auth.v2.keyring", "~/.factory/auth.json"))
# Keys of any provider, in variables, files of the repository or its own config.
_AIDER = Credentials(
    env=("OPENAI_API_KEY", "ANTHROPIC_API_KEY", "GEMINI_API_KEY", "OPENROUTER_API_KEY"), elsewhere=("~",)
)


def _know(
    name: str,
    title: str,
    type: str,
    driver: str,
    argv: tuple[str, ...],
    credentials: Credentials,
    *,
    env_pass: tuple[str, ...] = (),
    install: tuple[str, ...] | None = None,
    login: tuple[str, tuple[str, ...]] | None = None,
    capabilities: tuple[str, ...] = (),
    docs: str | None = None,
    detour: Detour | None = None,
    quirks: dict[str, str] | None = None,
    default: bool = False,
    version: tuple[str, ...] | str = ("--version",),
) -> Known:
    installs = () if install is None else (SetupCommand(title=f"Install {title}", argv=install),)
    logins = () if login is None else (SetupCommand(title=login[0], argv=login[1]),)
    passed = tuple(dict.fromkeys((*credentials.env, *env_pass)))
    return Known(
        Profile(
            name=name,
            title=title,
            driver=driver,
            argv=argv,
            env_names=(),
            env_pass=passed,
            quirks=dict(quirks) if quirks else None,
            docs=docs,
            transports=("native_openai", "cliproxy_harness") if detour is not None else (),
            source=BUILT_IN,
            default=default,
        ),
        Launch(argv=argv, env={}, env_pass=passed, driver=driver, quirks=quirks or {}, detour=detour),
        About(
            type=type,
            capabilities=(*capabilities, *(("SETUP_HELPER",) if installs or logins else ())),
            install=installs,
            login=logins,
            version=version,
            credentials=credentials,
        ),
    )


def _npm(package: str) -> tuple[str, ...]:
    return ("npm", "install", "--global", package)


_FORK = ("SESSION_FORK", "RESUME")
_FULL = (*_FORK, "CONTEXT_USAGE")

DEMO = _know(
    "demo",
    "Demo agent",
    "DEMO",
    "acp",
    # -P: without it the agent would import what lies in the repository that it works in.
    (sys.executable, "-P", "-m", "agentlanes.demo_agent"),
    Credentials(needed=False),
    env_pass=("AGENTLANES_DEMO_PACE_MS", "AGENTLANES_DEMO_STATE"),
    capabilities=("RESUME", "CONTEXT_USAGE"),
    default=True,
    version=VERSION,
)

_ROWS = (
    _know(
        "codex",
        "Codex",
        "CODEX",
        "codex",
        ("codex", "app-server"),
        _CODEX,
        env_pass=_CODEX_ENV,
        install=_npm("@openai/codex"),
        login=("Log in to Codex", ("codex", "login")),
        capabilities=(*_FULL, "STEER", "COMPACT", "REVIEW"),
        docs="https://developers.openai.com/codex",
        detour=_CODEX_DETOUR,
    ),
    _know(
        "claude",
        "Claude Code",
        "CLAUDE",
        "stream_json",
        ("claude",),
        _CLAUDE,
        env_pass=_CLAUDE_ENV,
        install=_npm("@anthropic-ai/claude-code"),
        login=("Log in to Claude Code", ("claude", "auth", "login")),
        capabilities=_FULL,
        docs="https://code.claude.com/docs",
        detour=_CLAUDE_DETOUR,
    ),
    _know(
        "claude-acp",
        "Claude Code over ACP",
        "CLAUDE",
        "acp",
        ("claude-agent-acp",),
        _CLAUDE,
        env_pass=_CLAUDE_ENV,
        install=_npm("@agentclientprotocol/claude-agent-acp"),
        login=("Log in to Claude Code", ("claude", "auth", "login")),
        capabilities=_FULL,
        docs="https://github.com/agentclientprotocol/claude-agent-acp",
        detour=_CLAUDE_DETOUR,
        version=(),
    ),
    _know(
        "codex-acp",
        "Codex over ACP",
        "CODEX",
        "acp",
        ("codex-acp",),
        _CODEX,
        env_pass=_CODEX_ENV,
        install=_npm("@agentclientprotocol/codex-acp"),
        login=("Log in to Codex", ("codex", "login")),
        capabilities=_FULL,
        docs="https://github.com/agentclientprotocol/codex-acp",
        version=(),
    ),
    _know(
        "gemini",
        "Gemini CLI",
        "GEMINI",
        "acp",
        ("gemini", "--acp"),
        _GEMINI,
        env_pass=_GEMINI_ENV,
        install=_npm("@google/gemini-cli"),
        login=("Start Gemini CLI and choose how to log in", ("gemini",)),
        capabilities=("RESUME",),
        docs="https://geminicli.com/docs",
        detour=Detour(env={"GOOGLE_GEMINI_BASE_URL": "{url}", "GEMINI_API_KEY": "{key}"}),
    ),
    _know(
        "opencode",
        "OpenCode",
        "OPENCODE",
        "acp",
        ("opencode", "acp"),
        _OPENCODE,
        env_pass=("OPENCODE_CONFIG", "OPENCODE_CONFIG_CONTENT"),
        install=_npm("opencode-ai"),
        login=("Log in to a provider with OpenCode", ("opencode", "auth", "login")),
        capabilities=_FULL,
        docs="https://opencode.ai/docs",
    ),
    _know(
        "copilot",
        "GitHub Copilot",
        "COPILOT",
        "acp",
        ("copilot", "--acp"),
        _COPILOT,
        install=_npm("@github/copilot"),
        login=("Start Copilot and type /login", ("copilot",)),
        capabilities=("RESUME",),
        docs="https://docs.github.com/copilot/how-tos/copilot-cli",
    ),
    _know(
        "qwen",
        "Qwen Code",
        "QWEN",
        "acp",
        ("qwen", "--acp"),
        _QWEN,
        env_pass=("OPENAI_BASE_URL", "OPENAI_MODEL"),
        install=_npm("@qwen-code/qwen-code"),
        login=("Start Qwen Code and type /auth", ("qwen",)),
        capabilities=("RESUME",),
        docs="https://qwenlm.github.io/qwen-code-docs",
        detour=_OPENAI_DETOUR,
    ),
    _know(
        "vibe",
        "Mistral Vibe",
        "VIBE",
        "acp",
        ("vibe-acp",),
        _VIBE,
        env_pass=("VIBE_HOME",),
        install=("uv", "tool", "install", "mistral-vibe"),
        login=("Set up Vibe", ("vibe", "--setup")),
        capabilities=_FORK,
        docs="https://docs.mistral.ai/mistral-vibe",
    ),
    _know(
        "amp",
        "Amp",
        "AMP",
        "stream_json",
        ("amp",),
        _AMP,
        install=_npm("@sourcegraph/amp"),
        login=("Log in to Amp", ("amp", "login")),
        capabilities=("RESUME",),
        docs="https://ampcode.com/manual",
    ),
    _know(
        "cursor",
        "Cursor",
        "CURSOR",
        "stream_json",
        ("cursor-agent",),
        _CURSOR,
        login=("Log in to Cursor", ("cursor-agent", "login")),
        capabilities=("RESUME",),
        docs="https://cursor.com/docs/cli/installation",
    ),
    _know(
        "droid",
        "Droid",
        "DROID",
        "stream_json",
        ("droid",),
        _DROID,
        login=("Start Droid and log in", ("droid",)),
        capabilities=("RESUME",),
        docs="https://docs.factory.ai/cli",
    ),
    _know(
        "aider",
        "Aider",
        "AIDER",
        "terminal",
        ("aider",),
        _AIDER,
        install=("uv", "tool", "install", "--python", "3.12", "aider-chat"),
        quirks={"idle_pattern": "^([a-z-]+ ?)?> ?$"},
        docs="https://aider.chat/docs",
    ),
)

KNOWN: tuple[Known, ...] = tuple(row for row in _ROWS if row.profile.driver in DRIVERS)
