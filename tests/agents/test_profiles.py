"""Profiles as users write them."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

from agentlanes.adapters.agents import built_in
from agentlanes.adapters.agents.drivers import DRIVERS
from agentlanes.adapters.agents.profiles import TomlProfiles
from agentlanes.kernel.ports.agents import Detour, Launch
from agentlanes.kernel.ports.harness import HarnessPlan
from agentlanes.wire.models import McpServer, Problem


def write(path: Path, text: str) -> TomlProfiles:
    path.write_text(text)
    return TomlProfiles(path)


def messages(problems: tuple[Problem, ...]) -> list[str]:
    return [problem.message.partition(".toml: ")[2] for problem in problems]


def own(profiles: TomlProfiles) -> list[str]:
    """The user's profiles, and the demo agent."""
    return [p.name for p in profiles.list() if p.source != "built in" or p.name == "demo"]


def test_without_a_file_there_is_the_demo_agent(tmp_path: Path) -> None:
    profiles = TomlProfiles(tmp_path / "config.toml")
    demo, *others = profiles.list()
    assert (demo.name, demo.default, demo.source) == ("demo", True, "built in")
    assert {"codex", "claude", "gemini", "opencode", "copilot"} <= {profile.name for profile in others}
    assert not any(profile.default for profile in others)
    assert profiles.problems() == ()
    launch = profiles.launch("demo")
    assert launch is not None and launch.argv[0] == sys.executable
    assert profiles.launch("nobody") is None


def test_a_profile_has_what_was_written(tmp_path: Path) -> None:
    profiles = write(
        tmp_path / "config.toml",
        """
        default_profile = "claude"
        [profiles.other]
        argv = ["other", "--acp"]
        [profiles.claude]
        title = "Claude Code"
        argv = ["~/bin/claude-agent-acp"]
        env = {KEY = "secret"}
        env_pass = ["ANTHROPIC_API_KEY"]
        mode = "plan"
        model = "opus"
        transport = "cliproxy_harness"
        [profiles.claude.harness]
        env = {ANTHROPIC_BASE_URL = "{url}"}
        [harness]
        url = "http://localhost:8317/"
        key_env = "CLIPROXY_API_KEY"
        failures = 3
        """,
    )
    assert profiles.problems() == ()
    other, claude, demo = profiles.list()[:3]
    assert [profile.default for profile in (other, claude, demo)] == [False, True, False]
    assert (claude.title, claude.env_names, "ANTHROPIC_API_KEY" in claude.env_pass) == ("Claude Code", ("KEY",), True)
    assert claude.argv == (str(Path.home() / "bin/claude-agent-acp"),)
    assert "secret" not in repr(claude) and "secret" not in repr(profiles.launch("claude"))
    launch = profiles.launch("claude")
    assert launch is not None and (launch.env, launch.mode, launch.model) == ({"KEY": "secret"}, "plan", "opus")
    assert {"ANTHROPIC_API_KEY", "CLIPROXY_API_KEY"} <= set(profiles.env_pass())
    assert (claude.transport, claude.transports) == ("cliproxy_harness", ("native_openai", "cliproxy_harness"))
    assert launch.detour == Detour(env={"ANTHROPIC_BASE_URL": "{url}"})
    assert profiles.harness() == HarnessPlan("http://localhost:8317", "CLIPROXY_API_KEY", failures=3)


def test_the_first_profile_is_the_default_where_none_is_named(tmp_path: Path) -> None:
    profiles = write(tmp_path / "config.toml", '[profiles.b]\nargv = ["b"]\n[profiles.a]\nargv = ["a"]\n')
    assert [profile.name for profile in profiles.list() if profile.default] == ["b"]


def test_the_demo_agent_can_be_replaced(tmp_path: Path) -> None:
    profiles = write(tmp_path / "config.toml", '[profiles.demo]\nargv = ["mine"]\n')
    assert profiles.list()[0].argv == ("mine",)
    assert [profile.name for profile in profiles.list()].count("demo") == 1


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("profiles = 3", "profiles: it is no table; write a profile as [profiles.<name>]"),
        ("profiles.x = 3", "profiles.x: it is no table; write it as [profiles.x] with its keys below it: argv is"),
        ("[profiles.x]", "profiles.x.argv: it is missing; argv is the program and its arguments"),
        ('[profiles.x]\nargv = "a b"', "profiles.x.argv: input should be a valid list; argv is the program"),
        ("[profiles.x]\nargv = []", "profiles.x.argv: list should have at least 1 item"),
        ('[profiles.x]\nargv = ["a", 1]', "profiles.x.argv.1: input should be a valid string; argv is"),
        ('[profiles.x]\nargv = ["a"]\nargs = ["b"]', "profiles.x.args: a profile has no such key; argv may be meant"),
        ('[profiles.x]\nargv = ["a"]\ndriver = "lsp"', "profiles.x.driver: there is no driver lsp; driver is one of"),
        ('[profiles.x]\nargv = ["a"]\nenv = {A = 1}', "profiles.x.env.A: input should be a valid string; env maps"),
        ('[profiles.x]\nargv = ["a"]\nenv = {"A=B" = "1"}', "profiles.x.env.A=B: string should match pattern"),
        ('[profiles.x]\nargv = ["a"]\ntitle = "a\\nb"', "profiles.x.title: it has characters that do not print"),
        ('[profiles."Big X"]\nargv = ["a"]', "profiles.Big X: a profile's name has up to 64 small letters"),
        ('[profiles.x]\nargv = ["a"]\ntransport = "http"', "profiles.x.transport: input should be 'cliproxy_harness'"),
        (
            '[profiles.x]\nargv = ["a"]\nharness = {arg = []}',
            "profiles.x.harness.arg: there is no such key; harness says how",
        ),
        (
            "[watchdog]\nrepeats = -1",
            "watchdog.repeats: input should be greater than or equal to 0; repeats is",
        ),
        ("[watchdog]\nsilence = 5", "watchdog.silence: the watchdog has no such key; silence_seconds may"),
        ("[harness]", "harness.url: it is missing; url is where it listens"),
        ("harness = true", "harness: it is no table; write it as [harness]"),
        ('[harness]\nurl = "http://k:v@localhost"', "harness.url: string should match pattern"),
        ('[harness]\nurl = "http://localhost"\nkey = "x"', "harness.key: the harness has no such key; key_env may"),
        ('[harness]\nurl = "http://localhost"\nfailures = 0', "harness.failures: input should be greater than"),
        ('[profiles.x]\nbase = "nope"', "profiles.x.base: there is no profile 'nope' built in; there are: demo, codex"),
        (
            '[profiles.x]\nargv = ["a"]\nmcp_servers = ["docs"]',
            "profiles.x.mcp_servers: there is no [mcp_servers.docs]",
        ),
        (
            '[profiles.x]\nargv = ["a"]\n[profiles.x.variants.Plan]',
            "profiles.x.variants.Plan: a variant's name has up to 64",
        ),
        (
            '[profiles.x]\nargv = ["a"]\n[profiles.x.variants.plan]\ndriver = "acp"',
            "profiles.x.variants.plan.driver: there is no such key; variants are tables",
        ),
        ("[mcp_servers.docs]", "mcp_servers.docs: it has a command or a url, one of both"),
        (
            '[mcp_servers.docs]\npreset = "nope"',
            "mcp_servers.docs.preset: there is no such preset; there are: agentlanes",
        ),
        ('[mcp_servers.docs]\ncommand = "a"\nurl = "http://b"', "mcp_servers.docs: it has a command or a url"),
        ("[agent_servers.Theirs]", "agent_servers.Theirs.command: it is missing; command is the program"),
        ("agent_servers_file = 3", "agent_servers_file: it is a path"),
        ('agent_servers_file = "/nowhere/acp.json"', "agent_servers_file: there is no /nowhere/acp.json"),
        ('import_agent_servers = "yes"', "import_agent_servers: it is true or false"),
        (
            'default_profile = "gone"',
            "default_profile: there is no profile 'gone' to use; there are: right, demo, codex",
        ),
    ],
)
def test_a_problem_names_its_key_and_the_others_still_work(tmp_path: Path, text: str, message: str) -> None:
    """A mistake in one profile costs no other one."""
    right = '[profiles.right]\nargv = ["right"]\n' if "profiles = 3" not in text else ""
    top, table = (
        (text, "")
        if text.startswith(("default", "profiles", "harness", "agent_servers_file", "import"))
        else ("", text)
    )
    profiles = write(tmp_path / "config.toml", f"{top}\n{right}\n{table}\n")
    (problem,) = profiles.problems()
    assert messages((problem,))[0].startswith(message)
    assert problem.code == "CONFIG_INVALID" and problem.details is not None
    assert problem.details["key"] == message.partition(": ")[0]
    assert "demo" in [profile.name for profile in profiles.list()]
    assert not right or "right" in [profile.name for profile in profiles.list()]


def test_a_secret_is_in_no_problem(tmp_path: Path) -> None:
    profiles = write(tmp_path / "config.toml", '[profiles.x]\nargv = ["a"]\nenv = {K = ["hunter2"]}\n')
    assert "hunter2" not in repr(profiles.problems())


def test_the_file_is_read_again_when_it_changes(tmp_path: Path) -> None:
    path = tmp_path / "config.toml"
    profiles = write(path, '[profiles.a]\nargv = ["a"]\n')
    assert own(profiles) == ["a", "demo"]
    path.write_text('[profiles.longer]\nargv = ["a"]\n')
    assert own(profiles) == ["longer", "demo"]
    path.write_text("[profiles.\n")
    (problem,) = profiles.problems()
    assert "at line 1" in problem.message
    assert own(profiles) == ["longer", "demo"], "half an edit takes nothing away"
    path.unlink()
    assert own(profiles) == ["demo"]
    assert profiles.problems() == ()


def test_a_file_that_cannot_be_read_is_a_problem(tmp_path: Path) -> None:
    path = tmp_path / "config.toml"
    path.mkdir()
    assert messages(TomlProfiles(path).problems()) == ["it cannot be read: Is a directory"]
    path.rmdir()
    path.write_bytes(b"a = '\xff'")
    assert messages(TomlProfiles(path).problems()) == ["it is not UTF-8 text: invalid start byte"]


def test_pydantic_stays_off_the_way_while_there_is_no_file(tmp_path: Path) -> None:
    code = (
        "import sys; from pathlib import Path; from agentlanes.adapters.agents.profiles import TomlProfiles;"
        f"TomlProfiles(Path({str(tmp_path / 'none.toml')!r})).list(); assert 'pydantic' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def launch_of(profiles: TomlProfiles, name: str) -> Launch:
    launch = profiles.launch(name)
    assert launch is not None
    return launch


def test_what_is_built_in_is_kept_where_a_user_writes_only_what_is_different(tmp_path: Path) -> None:
    profiles = write(
        tmp_path / "config.toml",
        """
        [profiles.codex]
        argv = ["/opt/codex/bin/codex", "app-server"]
        extra_args = ["--config=model_reasoning_summary=auto"]
        model = "gpt-5.5"
        effort = "high"
        env_pass = ["CORPORATE_TOKEN"]
        append_prompt = "Run the tests."
        quirks = {agent = "mine"}
        [profiles.second-codex]
        base = "codex"
        title = "Another Codex"
        env = {CODEX_HOME = "/home/me/.codex-work"}
        """,
    )
    assert profiles.problems() == ()
    codex, second = (profiles.find(name) for name in ("codex", "second-codex"))
    assert codex is not None and second is not None
    assert codex.launch.argv == ("/opt/codex/bin/codex", "app-server", "--config=model_reasoning_summary=auto")
    assert (codex.launch.driver, codex.launch.model, codex.launch.effort) == ("codex", "gpt-5.5", "high")
    assert {"CODEX_HOME", "CORPORATE_TOKEN"} <= set(codex.launch.env_pass)
    assert (codex.launch.append_prompt, codex.launch.quirks) == ("Run the tests.", {"agent": "mine"})
    assert (codex.profile.title, codex.profile.quirks, codex.about.type) == ("Codex", {"agent": "mine"}, "CODEX")
    assert codex.about.version == (), "another program is not asked what it may not understand"
    assert (second.profile.title, second.launch.argv) == ("Another Codex", ("codex", "app-server"))
    assert second.about.version == ("--version",)
    assert second.launch.detour is not None and second.profile.transports == ("native_openai", "cliproxy_harness")


def test_variants_are_profiles_with_what_is_different(tmp_path: Path) -> None:
    profiles = write(
        tmp_path / "config.toml",
        """
        [profiles.claude]
        model = "sonnet"
        env = {A = "1"}
        [profiles.claude.variants.plan]
        mode = "plan"
        effort = "high"
        env = {B = "2"}
        [profiles.claude.variants.fast]
        title = "Quick Claude"
        model = "haiku"
        extra_args = ["--fast"]
        """,
    )
    names = [profile.name for profile in profiles.list()][:3]
    assert names == ["claude", "claude:plan", "claude:fast"]
    plan, fast = profiles.list()[1:3]
    assert (plan.title, plan.variant_of, plan.mode, plan.effort) == ("Claude Code (plan)", "claude", "plan", "high")
    assert (plan.model, plan.env_names, plan.default) == ("sonnet", ("A", "B"), False)
    assert (fast.title, fast.model, fast.mode, fast.argv) == ("Quick Claude", "haiku", None, ("claude", "--fast"))
    assert launch_of(profiles, "claude").env == {"A": "1"} and launch_of(profiles, "claude").argv == ("claude",)


def test_mcp_servers_go_to_every_profile_that_names_none_and_their_secrets_to_nobody_else(tmp_path: Path) -> None:
    profiles = write(
        tmp_path / "config.toml",
        """
        [mcp_servers.docs]
        command = "docs-mcp"
        args = ["--stdio"]
        env = {DOCS_TOKEN = "s3cret"}
        [mcp_servers.wiki]
        url = "https://mcp.example.org/wiki?key=s3cret"
        headers = {Authorization = "Bearer s3cret"}
        [profiles.all]
        argv = ["a"]
        [profiles.one]
        argv = ["a"]
        mcp_servers = ["wiki"]
        [profiles.one.variants.none]
        mcp_servers = []
        """,
    )
    assert profiles.problems() == ()
    docs = {"name": "docs", "command": "docs-mcp", "args": ["--stdio"]}
    wiki = {"type": "http", "name": "wiki", "url": "https://mcp.example.org/wiki?key=s3cret"}
    env, headers = [{"name": "DOCS_TOKEN", "value": "s3cret"}], [{"name": "Authorization", "value": "Bearer s3cret"}]
    assert launch_of(profiles, "all").mcp_servers == (docs | {"env": env}, wiki | {"headers": headers})
    assert launch_of(profiles, "one").mcp_servers == (wiki | {"headers": headers},)
    assert launch_of(profiles, "one:none").mcp_servers == ()
    shown = profiles.list()[0].mcp_servers
    assert shown == (
        McpServer(name="docs", kind="stdio", argv=("docs-mcp", "--stdio"), env_names=("DOCS_TOKEN",)),
        McpServer(name="wiki", kind="http", url="https://mcp.example.org/wiki", header_names=("Authorization",)),
    )
    assert "s3cret" not in repr(profiles.list()) and "s3cret" not in repr(launch_of(profiles, "all"))


ZED = """
// Zed's settings are JSON with comments
{
  "theme": "One Dark", /* and with
  // more than one line */
  "url": "https://example.org/*not a comment*/",
  "agent_servers": {
    "claude-acp": {"type": "registry", "env": {"A": "1"}},
    "My Agent, \\"quoted\\"": {
      "type": "custom", "command": "mine", "args": ["--acp", "a,]"], "env": {"KEY": "s3cret"},
    },
  },
}
"""


def test_agents_of_other_editors(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "xdg"))
    jetbrains, zed = tmp_path / ".jetbrains" / "acp.json", tmp_path / "xdg" / "zed" / "settings.json"
    named = tmp_path / "servers.json"
    for path in (jetbrains, zed):
        path.parent.mkdir(parents=True)
    jetbrains.write_text('{"agent_servers": {"OpenHands": {"command": "~/bin/openhands", "args": ["acp"], "env": {}}}}')
    zed.write_text(ZED)
    named.write_text('{"agent_servers": {"Goose": {"command": "goose", "args": ["acp"]}}}')
    config = tmp_path / "config.toml"
    profiles = write(config, f'agent_servers_file = "{named}"\n[agent_servers."Their Agent"]\ncommand = "theirs"\n')
    assert profiles.problems() == ()
    assert own(profiles) == ["their-agent", "demo", "goose"], "others' files are read where the user allows it"
    assert profiles.list()[0].default and profiles.list()[0].title == "Their Agent"
    config.write_text(f'import_agent_servers = true\nagent_servers_file = "{named}"\n')
    assert own(profiles) == ["demo", "goose", "openhands", "my-agent-quoted"]
    assert [profile.name for profile in profiles.list() if profile.default] == ["demo"], "they never become the default"
    mine = launch_of(profiles, "my-agent-quoted")
    assert (mine.argv, mine.env, mine.driver) == (("mine", "--acp", "a,]"), {"KEY": "s3cret"}, "acp")
    assert launch_of(profiles, "openhands").argv == (str(tmp_path / "bin" / "openhands"), "acp")
    jetbrains.write_text('{"agent_servers": {"Another": {"command": "another"}}}')
    assert own(profiles) == ["demo", "goose", "another", "my-agent-quoted"], "it is read again when it changes"
    zed.write_text("{")
    (problem,) = profiles.problems()
    assert str(zed) in problem.message


def test_every_built_in_profile_can_be_started_here(tmp_path: Path) -> None:
    assert set(built_in.DRIVERS) <= set(DRIVERS)
    for known in (built_in.DEMO, *built_in.KNOWN):
        profile, launch = known.profile, known.launch
        assert profile.driver in DRIVERS
        assert (profile.argv, profile.driver, profile.env_pass) == (launch.argv, launch.driver, launch.env_pass)
        assert not {"npx", "uvx", "bunx"} & set(profile.argv), "nothing is downloaded at run time"
        assert set(known.about.credentials.env if known.about.credentials else ()) <= set(profile.env_pass)
        assert known.about.install or profile.docs or profile.name == "demo"


def test_listeners_hear_of_other_profiles(tmp_path: Path) -> None:
    profiles = TomlProfiles(tmp_path / "config.toml")
    heard: list[tuple[str, ...]] = []
    profiles.listen(lambda: heard.append(profiles.env_pass()))
    profiles.list()
    assert heard == []
    write(tmp_path / "config.toml", '[profiles.a]\nargv = ["a"]\nenv_pass = ["A_KEY"]\n')
    profiles.list()
    assert [("A_KEY" in names) for names in heard] == [True]


def test_what_the_readme_shows_is_right(tmp_path: Path) -> None:
    readme = (Path(__file__).parents[2] / "README.md").read_text(encoding="utf-8")
    shown, routed = re.findall(r"^```toml\n(.*?)^```", readme, re.DOTALL | re.MULTILINE)
    profiles = write(tmp_path / "config.toml", shown)
    assert profiles.problems() == ()
    names = [profile.name for profile in profiles.list()]
    assert names[:5] == ["claude", "claude:plan", "work-codex", "mine", "their-agent"]
    assert [profile.name for profile in profiles.list() if profile.default] == ["claude:plan"]
    assert profiles.list()[0].mcp_servers[0].name == "docs"
    profiles = write(tmp_path / "config.toml", routed)
    assert profiles.problems() == () and profiles.harness() is not None
    assert profiles.list()[0].transport == "cliproxy_harness"


def test_a_server_that_is_known_needs_no_table_and_takes_what_is_written_besides(tmp_path: Path) -> None:
    profiles = write(
        tmp_path / "config.toml",
        """
        [mcp_servers.lookup]
        preset = "context7"
        args = ["--quiet"]
        env = {CONTEXT7_API_KEY = "s3cret"}
        [profiles.all]
        argv = ["a"]
        [profiles.one]
        argv = ["a"]
        mcp_servers = ["agentlanes", "playwright"]
        """,
    )
    assert profiles.problems() == ()
    (lookup,) = launch_of(profiles, "all").mcp_servers
    env = [{"name": "CONTEXT7_API_KEY", "value": "s3cret"}]
    assert lookup == {"name": "lookup", "command": "context7-mcp", "args": ["--quiet"], "env": env}
    ours, browser = launch_of(profiles, "one").mcp_servers
    assert ours["args"][-5:] == ["mcp", "--lane", "{lane_id}", "--session", "{session_id}"]
    assert browser["command"] == "playwright-mcp"
    assert [pair["name"] for pair in ours["env"]] == ["AGENTLANES_STATE_DIR"]
