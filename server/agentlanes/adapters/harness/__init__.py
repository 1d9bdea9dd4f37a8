"""The harness as it is reached over HTTP."""
