"""What holds for every test."""

from __future__ import annotations

from hypothesis import HealthCheck, settings

# A busy machine is slow, not wrong: examples have no deadline. Everything else stays as the profile in force has it
# (where CI is set, Hypothesis takes the same examples every time).
settings.register_profile("telekeep", settings(), deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("telekeep")
