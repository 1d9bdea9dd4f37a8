"""agentlanes: one local server runs coding agents in isolated git lanes; every editor is a client of it."""
