"""A driver for agents that speak the Agent Client Protocol (agentclientprotocol.com), versions 1 and 2, over stdio."""
