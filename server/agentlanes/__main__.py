"""The command. `agentlanes stdio` is answered before the package of all the others is loaded."""

import sys


def main(argv: list[str] | None = None) -> int:
    """Returns the exit code."""
    argv = sys.argv[1:] if argv is None else argv
    # VS Code appends --stdio to whatever it is told to start.
    if argv[:1] == ["stdio"] and all(argument == "--stdio" for argument in argv[1:]):
        from agentlanes import relay

        return relay.run()
    from agentlanes import cli

    return cli.main(argv)


if __name__ == "__main__":
    sys.exit(main())
