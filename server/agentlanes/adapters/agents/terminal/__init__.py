"""Agents without a protocol: programs of the terminal, to which a prompt is typed and whose output is read."""
