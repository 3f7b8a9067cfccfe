"""How properties are proven here."""

from hypothesis import HealthCheck, settings


def prove(examples: int = 100) -> settings:
    """Try so many examples; a busy machine is no counterexample."""
    return settings(max_examples=examples, deadline=None, suppress_health_check=[HealthCheck.too_slow])
