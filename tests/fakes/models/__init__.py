"""Model services on loopback ports: real agents work against them, and each prompt scripts what its model says."""
