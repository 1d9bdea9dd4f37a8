"""What a config file says, read and checked; each problem names its key and what would work."""

from __future__ import annotations

import difflib
import re
import tomllib
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

from pydantic import ValidationError

from agentlanes.adapters.agents.tables import HINTS, Table, WrittenHarness, WrittenProfile
from agentlanes.kernel.ports.agents import Detour
from agentlanes.kernel.ports.harness import HarnessPlan
from agentlanes.wire.models import Problem, Profile

_NAME = re.compile(r"[a-z0-9][a-z0-9._-]{0,63}")
_T = TypeVar("_T", bound=Table)


@dataclass(frozen=True, slots=True)
class Config:
    """What a file says. `is_readable` is False where it is no TOML: it says nothing then."""

    is_readable: bool
    profiles: tuple[Profile, ...] = ()
    env: dict[str, dict[str, str]] = field(default_factory=dict, repr=False)
    detours: dict[str, Detour] = field(default_factory=dict)
    harness: HarnessPlan | None = None
    default: str | None = None
    problems: tuple[Problem, ...] = ()


def read_config(path: Path) -> Config:
    """Read a config file; what is wrong becomes problems, and the profiles that are right are there all the same."""
    try:
        written = tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        return Config(False, problems=(_problem(path, None, f"it cannot be read: {error.strerror}"),))
    except UnicodeDecodeError as error:
        return Config(False, problems=(_problem(path, None, f"it is not UTF-8 text: {error.reason}"),))
    except tomllib.TOMLDecodeError as error:
        return Config(False, problems=(_problem(path, None, f"it is not TOML: {error}"),))
    return _Reading(path, written).read()


class _Reading:
    def __init__(self, path: Path, written: dict[str, Any]) -> None:
        self._path = path
        self._written = written
        self._problems: list[Problem] = []
        self._env: dict[str, dict[str, str]] = {}
        self._detours: dict[str, Detour] = {}

    def read(self) -> Config:
        tables = self._written.get("profiles", {})
        if not isinstance(tables, dict):
            self._complain("profiles", "it is no table; write a profile as [profiles.<name>]")
            tables = {}
        profiles = [profile for name, table in tables.items() if (profile := self._read_profile(name, table))]
        names = [profile.name for profile in profiles]
        return Config(
            True,
            tuple(profiles),
            self._env,
            self._detours,
            self._read_harness(),
            self._read_default(names),
            tuple(self._problems),
        )

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

    def _read_profile(self, name: str, table: object) -> Profile | None:
        key = f"profiles.{name}"
        if not _NAME.fullmatch(name):
            self._complain(
                key,
                "a profile's name has up to 64 small letters, digits, dots, underscores and hyphens, and begins "
                "with a letter or digit",
            )
            return None
        checked = self._check(WrittenProfile, key, "a profile", table)
        if checked is None:
            return None
        self._env[name] = dict(checked.env)
        if checked.harness is not None:
            self._detours[name] = Detour(tuple(checked.harness.args), dict(checked.harness.env))
        program, *arguments = checked.argv
        return Profile(
            name=name,
            title=checked.title or name,
            driver=checked.driver,
            argv=(str(Path(program).expanduser()) if program.startswith("~/") else program, *arguments),
            env_names=tuple(sorted(checked.env)),
            env_pass=tuple(checked.env_pass),
            mode=checked.mode,
            model=checked.model,
            transports=("native_openai", "cliproxy_harness") if checked.harness is not None else (),
            transport=checked.transport,
            source=str(self._path),
            default=False,
        )

    def _read_default(self, names: list[str]) -> str | None:
        default = self._written.get("default_profile")
        if default is None:
            return None
        known = [*names, *(["demo"] if "demo" not in names else [])]
        if default in known:
            return str(default)
        self._complain("default_profile", f"there is no profile {default!r} to use; there are: {', '.join(known)}")
        return None

    def _complain_of_fault(self, key: str, noun: str, keys: tuple[str, ...], fault: Any) -> None:
        places = [str(place) for place in fault["loc"] if place != "[key]"]
        field_name = places[0] if places else ""
        where = ".".join([key, *places])
        if fault["type"] == "missing":
            self._complain(where, f"it is missing; {HINTS[field_name]}")
        elif fault["type"] == "extra_forbidden" and len(places) > 1:
            self._complain(where, f"there is no such key; {HINTS[field_name]}")
        elif fault["type"] == "extra_forbidden":
            near = difflib.get_close_matches(field_name, keys, n=1)
            meant = f"; {near[0]} may be meant" if near else ""
            self._complain(where, f"{noun} has no such key{meant}; its keys are {', '.join(keys)}")
        elif not places:
            first = "argv" if "argv" in keys else "url"
            self._complain(where, f"it is no table; write it as [{key}] with its keys below it: {HINTS[first]}")
        else:
            self._complain(where, f"{fault['msg'][:1].lower()}{fault['msg'][1:]}; {HINTS[field_name]}")

    def _complain(self, key: str, message: str) -> None:
        self._problems.append(_problem(self._path, key, message))


def _problem(path: Path, key: str | None, message: str) -> Problem:
    details = {"path": str(path)} | ({"key": key} if key is not None else {})
    return Problem(code="CONFIG_INVALID", message=f"{path}: {key + ': ' if key else ''}{message}", details=details)
