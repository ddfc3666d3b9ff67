"""The life of a model version: gate, register, promote, approve, roll back, history."""

from brickyard.models.opening import environment_named, first_environment, open_site
from brickyard.models.registry import ModelState, Registry, VersionState
from brickyard.models.site import Site

__all__ = [
    "ModelState",
    "Registry",
    "Site",
    "VersionState",
    "environment_named",
    "first_environment",
    "open_site",
]
