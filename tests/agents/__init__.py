"""Tests of agents: the demo agent, the ACP driver against real and hostile peers, and profiles."""
