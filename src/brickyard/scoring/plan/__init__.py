"""Column plans: a model's steps as arrays, found equal to its pyfunc before use, without the libraries it came from."""

from brickyard.scoring.plan.plan import Block, Input, Plan
from brickyard.scoring.plan.steps import Declined

__all__ = ["Block", "Declined", "Input", "Plan"]
