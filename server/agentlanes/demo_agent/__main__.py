"""`python -m agentlanes.demo_agent`."""

from __future__ import annotations

import sys

from agentlanes.demo_agent import main

sys.exit(main())
