"""The driver for Codex's own app-server protocol."""
