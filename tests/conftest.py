"""What all tests share: how long generated tests search, and signals as a person's shell has them."""

from __future__ import annotations

import os
import signal

from hypothesis import HealthCheck, settings

_NEVER_SLOW = [HealthCheck.too_slow, HealthCheck.data_too_large]

settings.register_profile("ci", max_examples=60, deadline=None, suppress_health_check=_NEVER_SLOW, derandomize=True)
settings.register_profile("thorough", max_examples=2000, deadline=None, suppress_health_check=_NEVER_SLOW)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "ci"))

# A shell's background job is born with these ignored, and so would be every program that a test starts.
signal.signal(signal.SIGINT, signal.default_int_handler)
signal.signal(signal.SIGQUIT, signal.SIG_DFL)
