"""`python -m agentlanes`."""

import sys

from agentlanes import relay

if __name__ == "__main__":
    sys.exit(relay.main())
