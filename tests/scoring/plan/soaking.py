"""How the soak makes ten thousand frames of a model: many in each example of hypothesis.

Nothing is kept or made smaller: an example is a seed, and what fails is a row that the failure shows.
"""

from __future__ import annotations

from hypothesis import HealthCheck, Phase, settings

FRAMES, EXAMPLES = 400, 25

soak = settings(
    max_examples=EXAMPLES,
    phases=[Phase.generate],
    deadline=None,
    database=None,
    suppress_health_check=list(HealthCheck),
)
