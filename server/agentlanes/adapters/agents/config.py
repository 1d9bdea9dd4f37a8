"""What a config file says, read and checked; each problem names its key and what would work."""

from __future__ import annotations

import difflib
import re
import tomllib
from pathlib import Path
from typing import Any, TypeVar

from msgspec import Struct, field
from pydantic import ValidationError

from agentlanes.adapters.agents.agent_servers import find_files, name_profile, read_file
from agentlanes.adapters.agents.composition import Sources, compose, describe_server, vary
from agentlanes.adapters.agents.mcp_presets import PRESETS, write_preset
from agentlanes.adapters.agents.tables import (
    HINTS,
    Table,
    WrittenHarness,
    WrittenMcpServer,
    WrittenPatience,
    WrittenProfile,
    WrittenServer,
)
from agentlanes.kernel.ports.agents import Known
from agentlanes.kernel.ports.harness import HarnessPlan
from agentlanes.kernel.ports.patience import Patience
from agentlanes.wire.models import Problem

_NAME = re.compile(r"[a-z0-9][a-z0-9._-]{0,63}")
_RULE = "name has up to 64 small letters, digits, dots, underscores and hyphens, and begins with a letter or digit"
_T = TypeVar("_T", bound=Table)


class Config(Struct, frozen=True):
    """What a file says. `is_readable` is False where it is no TOML: it says nothing then."""

    is_readable: bool
    known: tuple[Known, ...] = ()
    """The user's own profiles, in order, each with its variants behind it."""
    imported: tuple[Known, ...] = ()
    """Those of other editors."""
    harness: HarnessPlan | None = None
    patience: Patience = field(default_factory=Patience)
    default: str | None = None
    problems: tuple[Problem, ...] = ()
    files: tuple[Path, ...] = ()
    """Other files that were read, or would have been."""


def read_config(path: Path, built_in: dict[str, Known]) -> Config:
    """Read a config file; what is wrong becomes problems, and the profiles that are right are there all the same."""
    try:
        written = tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        return Config(False, problems=(_problem(path, None, f"it cannot be read: {error.strerror}"),))
    except UnicodeDecodeError as error:
        return Config(False, problems=(_problem(path, None, f"it is not UTF-8 text: {error.reason}"),))
    except tomllib.TOMLDecodeError as error:
        return Config(False, problems=(_problem(path, None, f"it is not TOML: {error}"),))
    return _Reading(path, written, built_in).read()


class _Reading:
    def __init__(self, path: Path, written: dict[str, Any], built_in: dict[str, Known]) -> None:
        self._path = path
        self._written = written
        self._built_in = built_in
        self._problems: list[Problem] = []
        self._files: list[Path] = []

    def read(self) -> Config:
        sources = Sources(self._built_in, self._read_mcp_servers(), str(self._path))
        known: dict[str, Known] = {}
        for name, table in self._read_tables("profiles").items():
            for each in self._read_profile(name, table, sources):
                known[each.profile.name] = each
        for name, table in self._read_tables("agent_servers").items():
            self._add_server(known, name, table, sources, f"agent_servers.{name}")
        imported: dict[str, Known] = {}
        self._import(imported, sources)
        return Config(
            True,
            tuple(known.values()),
            tuple(each for name, each in imported.items() if name not in known),
            self._read_harness(),
            self._read_patience(),
            self._read_default([*known, *imported]),
            tuple(self._problems),
            tuple(self._files),
        )

    def _read_tables(self, key: str) -> dict[str, Any]:
        tables = self._written.get(key, {})
        if isinstance(tables, dict):
            return tables
        what = {"profiles": "profile", "agent_servers": "agent", "mcp_servers": "server"}[key]
        self._complain(key, f"it is no table; write a {what} as [{key}.<name>]")
        return {}

    def _check(self, kind: type[_T], key: str, noun: str, table: object) -> _T | None:
        """The table, if it is right; otherwise each of its faults is a problem."""
        try:
            return kind.model_validate(table)
        except ValidationError as error:
            for fault in error.errors(include_url=False, include_input=False):
                self._complain_of_fault(key, noun, tuple(kind.model_fields), fault)
            return None

    def _read_harness(self) -> HarnessPlan | None:
        table = self._written.get("harness")
        checked = None if table is None else self._check(WrittenHarness, "harness", "the harness", table)
        return None if checked is None else HarnessPlan(**checked.model_dump(exclude_none=True))

    def _read_mcp_servers(self) -> dict[str, dict[str, Any]]:
        servers: dict[str, dict[str, Any]] = {}
        for name, table in self._read_tables("mcp_servers").items():
            if isinstance(table, dict) and "preset" in table:
                if table["preset"] not in PRESETS:
                    self._complain(f"mcp_servers.{name}.preset", f"there is no such preset; {_list(PRESETS)}")
                    continue
                table = write_preset(table["preset"], table)
            checked = self._check(WrittenMcpServer, f"mcp_servers.{name}", "an MCP server", table)
            if checked is not None:
                servers[name] = describe_server(name, checked)
        return servers

    def _read_patience(self) -> Patience:
        table = self._written.get("watchdog")
        checked = None if table is None else self._check(WrittenPatience, "watchdog", "the watchdog", table)
        return Patience() if checked is None else Patience(**checked.model_dump(exclude_none=True))

    def _read_profile(self, name: str, table: object, sources: Sources) -> list[Known]:
        key = f"profiles.{name}"
        if not _NAME.fullmatch(name):
            self._complain(key, f"a profile's {_RULE}")
            return []
        checked = self._check(WrittenProfile, key, "a profile", table)
        if checked is None or not self._check_references(key, checked, sources):
            return []
        base = self._built_in.get(checked.base or name)
        if base is None and checked.base is not None:
            self._complain(f"{key}.base", f"there is no profile {checked.base!r} built in; {_list(self._built_in)}")
            return []
        if base is None and checked.argv is None:
            self._complain(f"{key}.argv", f"it is missing; {HINTS['argv']}")
            return []
        profile = compose(name, checked, base, sources)
        variants = []
        for variant, written in checked.variants.items():
            if not _NAME.fullmatch(variant):
                self._complain(f"{key}.variants.{variant}", f"a variant's {_RULE}")
            elif self._check_references(f"{key}.variants.{variant}", written, sources):
                variants.append(vary(profile, variant, written, sources))
        return [profile, *variants]

    def _check_references(self, key: str, checked: Any, sources: Sources) -> bool:
        known = {**sources.mcp_servers, **PRESETS}
        unknown = [name for name in checked.mcp_servers or () if name not in known]
        for name in unknown:
            self._complain(f"{key}.mcp_servers", f"there is no [mcp_servers.{name}]; {_list(known)}")
        return not unknown

    def _add_server(self, known: dict[str, Known], title: str, table: object, sources: Sources, key: str) -> None:
        checked = self._check(WrittenServer, key, "an agent", table)
        name = name_profile(title)
        if checked is None or name in known:
            return
        written = WrittenProfile(
            title=title if title.isprintable() and 0 < len(title) <= 200 else None,
            argv=[checked.command, *checked.args],
            env=checked.env,
        )
        known[name] = compose(name, written, None, sources)

    def _import(self, known: dict[str, Known], sources: Sources) -> None:
        """The agents of a file that the user names, and of other editors where the user allows it."""
        named = self._written.get("agent_servers_file")
        allowed = self._written.get("import_agent_servers", False)
        if named is not None and (type(named) is not str or not named):
            self._complain("agent_servers_file", 'it is a path: agent_servers_file = "~/.jetbrains/acp.json"')
            named = None
        if type(allowed) is not bool:
            self._complain("import_agent_servers", "it is true or false")
            allowed = False
        wanted = [Path(named).expanduser()] if named is not None else []
        for path in dict.fromkeys([*wanted, *(find_files() if allowed else ())]):
            self._files.append(path)
            try:
                servers = read_file(path)
            except FileNotFoundError:
                if path in wanted:
                    self._complain("agent_servers_file", f"there is no {path}")
                continue
            except (OSError, ValueError) as error:
                self._problems.append(_problem(path, None, f"it cannot be read: {error}"))
                continue
            for title, table in servers.items():
                self._add_server(known, title, table, sources.of(str(path)), f"agent_servers.{title}")

    def _read_default(self, names: list[str]) -> str | None:
        default = self._written.get("default_profile")
        if default is None:
            return None
        known = list(dict.fromkeys([*names, *self._built_in]))
        if default in known:
            return str(default)
        self._complain("default_profile", f"there is no profile {default!r} to use; {_list(known)}")
        return None

    def _complain_of_fault(self, key: str, noun: str, keys: tuple[str, ...], fault: Any) -> None:
        places = [str(place) for place in fault["loc"] if place != "[key]"]
        hint = next((HINTS[place] for place in reversed(places) if place in HINTS), "")
        where = ".".join([key, *places])
        told = f"{fault['msg'][:1].lower()}{fault['msg'][1:]}"
        if fault["type"] == "missing":
            self._complain(where, f"it is missing; {hint}")
        elif fault["type"] == "extra_forbidden" and len(places) > 1:
            self._complain(where, f"there is no such key; {HINTS.get(places[0], hint)}")
        elif fault["type"] == "extra_forbidden":
            near = difflib.get_close_matches(places[0], keys, n=1)
            meant = f"; {near[0]} may be meant" if near else ""
            self._complain(where, f"{noun} has no such key{meant}; its keys are {', '.join(keys)}")
        elif not places and fault["type"] == "one_of":
            self._complain(where, told)
        elif not places:
            first = next((name for name in ("argv", "command", "url") if name in keys), keys[0])
            self._complain(where, f"it is no table; write it as [{key}] with its keys below it: {HINTS[first]}")
        else:
            self._complain(where, f"{told}; {hint}")

    def _complain(self, key: str, message: str) -> None:
        self._problems.append(_problem(self._path, key, message))


def _list(names: Any) -> str:
    return f"there are: {', '.join(names)}" if names else "there is none"


def _problem(path: Path, key: str | None, message: str) -> Problem:
    details = {"path": str(path)} | ({"key": key} if key is not None else {})
    return Problem(code="CONFIG_INVALID", message=f"{path}: {key + ': ' if key else ''}{message}", details=details)
