"""A profile put together: what is built in, what the user wrote over it, and the variants of both."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path, PurePosixPath
from typing import Any

import msgspec
from msgspec import Struct

from agentlanes.adapters.agents.mcp_presets import write_preset
from agentlanes.adapters.agents.tables import WrittenMcpServer, WrittenProfile, WrittenVariant
from agentlanes.kernel.ports.agents import About, Detour, Known, Launch
from agentlanes.wire.models import McpServer, Profile, SetupCommand


class Sources(Struct, frozen=True):
    """What a profile may refer to, and the file that it is written in."""

    built_in: Mapping[str, Known]
    mcp_servers: Mapping[str, Mapping[str, Any]]
    path: str

    def find_server(self, name: str) -> Mapping[str, Any]:
        """A server by its name: of a table, or a preset."""
        found = self.mcp_servers.get(name)
        return found if found is not None else describe_server(name, WrittenMcpServer(**write_preset(name, {})))

    def of(self, path: str) -> Sources:
        """The same for another file."""
        return msgspec.structs.replace(self, path=path)


def describe_server(name: str, written: WrittenMcpServer) -> dict[str, Any]:
    """A server as ACP's session/new names it."""
    if written.command is not None:
        env = [{"name": key, "value": value} for key, value in written.env.items()]
        return {"name": name, "command": _expand(written.command), "args": list(written.args), "env": env}
    headers = [{"name": key, "value": value} for key, value in written.headers.items()]
    return {"type": written.type, "name": name, "url": written.url, "headers": headers}


def compose(name: str, written: WrittenProfile, base: Known | None, sources: Sources) -> Known:
    """A profile that a user wrote. What it leaves out, its base has."""
    program = written.argv
    bare = Launch(argv=(), env={}, env_pass=(), driver="acp")
    launch = msgspec.structs.replace(
        base.launch if base is not None else bare,
        argv=(_expand(program[0]), *program[1:]) if program is not None else base.launch.argv if base else (),
    )
    if written.driver is not None:
        launch = msgspec.structs.replace(launch, driver=written.driver)
    if written.quirks is not None:
        launch = msgspec.structs.replace(launch, quirks={**launch.quirks, **written.quirks})
    if written.harness is not None:
        launch = msgspec.structs.replace(launch, detour=Detour(tuple(written.harness.args), dict(written.harness.env)))
    about = base.about if base is not None else _recognize(launch, sources)
    if written.install is not None:
        command = SetupCommand(title=f"Install {written.title or name}", argv=tuple(written.install))
        about = msgspec.structs.replace(about, install=(command,))
    if written.login is not None:
        command = SetupCommand(title=f"Log in to {written.title or name}", argv=tuple(written.login))
        about = msgspec.structs.replace(about, login=(command,))
    if written.version_args is not None:
        about = msgspec.structs.replace(about, version=tuple(written.version_args))
    elif program is not None and base is not None and program[0] != base.launch.argv[0]:
        # Another program may take the arguments for something else than a question for its version.
        about = msgspec.structs.replace(about, version=())
    known = Known(
        Profile(
            name=name,
            title=base.profile.title if base is not None else name,
            driver=launch.driver,
            argv=launch.argv,
            env_names=(),
            env_pass=(),
            docs=base.profile.docs if base is not None else None,
            source=sources.path,
            default=False,
        ),
        launch,
        about,
    )
    return _apply(known, written, sources)


def vary(profile: Known, variant: str, written: WrittenVariant, sources: Sources) -> Known:
    """A variant of a profile: a profile of its own, with what is different."""
    name = profile.profile.name
    title = f"{profile.profile.title} ({variant})"[:200]
    described = msgspec.structs.replace(profile.profile, name=f"{name}:{variant}", title=title, variant_of=name)
    return _apply(msgspec.structs.replace(profile, profile=described), written, sources)


def _apply(known: Known, written: WrittenVariant, sources: Sources) -> Known:
    """The profile with what a table says of it, told in both of its forms."""
    old = known.launch
    names = written.mcp_servers
    if names is None and known.profile.variant_of is None:
        # Whoever writes a server wants it to be used.
        names = list(sources.mcp_servers)
    launch = msgspec.structs.replace(
        old,
        argv=(*old.argv, *written.extra_args),
        env={**old.env, **written.env},
        env_pass=tuple(dict.fromkeys((*old.env_pass, *written.env_pass))),
        mode=written.mode or old.mode,
        model=written.model or old.model,
        effort=written.effort or old.effort,
        append_prompt=written.append_prompt or old.append_prompt,
        mcp_servers=old.mcp_servers if names is None else tuple(map(sources.find_server, names)),
    )
    profile = msgspec.structs.replace(
        known.profile,
        title=written.title or known.profile.title,
        argv=launch.argv,
        env_names=tuple(sorted(launch.env)),
        env_pass=launch.env_pass,
        mode=launch.mode,
        model=launch.model,
        effort=launch.effort,
        append_prompt=launch.append_prompt,
        quirks=dict(launch.quirks) or None,
        mcp_servers=tuple(_show_server(server) for server in launch.mcp_servers),
        transports=("native_openai", "cliproxy_harness") if launch.detour is not None else (),
        transport=written.transport or known.profile.transport,
    )
    return Known(profile, launch, known.about)


def _recognize(launch: Launch, sources: Sources) -> About:
    """What is known of an agent by its program's name, for a profile that does not say what it is based on."""
    program = PurePosixPath(launch.argv[0]).name
    for known in sources.built_in.values():
        if PurePosixPath(known.launch.argv[0]).name == program and known.profile.name != "demo":
            return known.about
    return About()


def _show_server(server: Mapping[str, Any]) -> McpServer:
    """A server without the values of its variables and headers, and without what an address may carry in its query."""
    if "command" in server:
        argv = (server["command"], *server["args"])
        env_names = tuple(pair["name"] for pair in server["env"])
        return McpServer(name=server["name"], kind="stdio", argv=argv, env_names=env_names)
    headers = tuple(pair["name"] for pair in server["headers"])
    url = server["url"].partition("?")[0].partition("#")[0]
    return McpServer(name=server["name"], kind=server["type"], url=url, header_names=headers)


def _expand(program: str) -> str:
    return str(Path(program).expanduser()) if program.startswith("~/") else program
