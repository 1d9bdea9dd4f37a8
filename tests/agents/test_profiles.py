"""Profiles as users write them."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from agentlanes.adapters.agents.profiles import TomlProfiles
from agentlanes.kernel.ports.agents import Detour
from agentlanes.kernel.ports.harness import HarnessPlan
from agentlanes.wire.models import Problem


def write(path: Path, text: str) -> TomlProfiles:
    path.write_text(text)
    return TomlProfiles(path)


def messages(problems: tuple[Problem, ...]) -> list[str]:
    return [problem.message.partition(".toml: ")[2] for problem in problems]


def test_without_a_file_there_is_the_demo_agent(tmp_path: Path) -> None:
    profiles = TomlProfiles(tmp_path / "config.toml")
    (demo,) = profiles.list()
    assert (demo.name, demo.default, demo.source) == ("demo", True, "built in")
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
    other, claude, demo = profiles.list()
    assert [profile.default for profile in (other, claude, demo)] == [False, True, False]
    assert (claude.title, claude.env_names, claude.env_pass) == ("Claude Code", ("KEY",), ("ANTHROPIC_API_KEY",))
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
    assert [profile.argv for profile in profiles.list()] == [("mine",)]


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
        ("[harness]", "harness.url: it is missing; url is where the harness listens"),
        ("harness = true", "harness: it is no table; write it as [harness]"),
        ('[harness]\nurl = "http://k:v@localhost"', "harness.url: string should match pattern"),
        ('[harness]\nurl = "http://localhost"\nkey = "x"', "harness.key: the harness has no such key; key_env may"),
        ('[harness]\nurl = "http://localhost"\nfailures = 0', "harness.failures: input should be greater than"),
        ('default_profile = "gone"', "default_profile: there is no profile 'gone' to use; there are: right, demo"),
    ],
)
def test_a_problem_names_its_key_and_the_others_still_work(tmp_path: Path, text: str, message: str) -> None:
    """A mistake in one profile costs no other one."""
    right = '[profiles.right]\nargv = ["right"]\n' if "profiles = 3" not in text else ""
    top, table = (text, "") if text.startswith(("default", "profiles", "harness")) else ("", text)
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
    assert [profile.name for profile in profiles.list()] == ["a", "demo"]
    path.write_text('[profiles.longer]\nargv = ["a"]\n')
    assert [profile.name for profile in profiles.list()] == ["longer", "demo"]
    path.write_text("[profiles.\n")
    (problem,) = profiles.problems()
    assert "at line 1" in problem.message
    assert [profile.name for profile in profiles.list()] == ["longer", "demo"], "half an edit takes nothing away"
    path.unlink()
    assert [profile.name for profile in profiles.list()] == ["demo"]
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
