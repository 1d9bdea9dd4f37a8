"""A driver for every agent that speaks the Agent Client Protocol, version 1 (agentclientprotocol.com), over stdio."""
