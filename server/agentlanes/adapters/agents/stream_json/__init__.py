"""Agents that print a message of JSON on each line: Claude Code, and those that took over its format or its way."""
