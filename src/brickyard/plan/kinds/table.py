"""Which type of a project is handled by what."""

from __future__ import annotations

from brickyard.plan.kinds.base import Kind
from brickyard.plan.kinds.catalog import CATALOGS, REGISTERED_MODELS, SCHEMAS, VOLUMES
from brickyard.plan.kinds.experiments import Experiments
from brickyard.plan.kinds.jobs import Jobs
from brickyard.plan.kinds.secret_scopes import SecretScopes
from brickyard.plan.kinds.serving import ServingEndpoints

__all__ = ["kind_of"]

_KINDS: dict[str, Kind] = {
    "catalogs": CATALOGS,
    "schemas": SCHEMAS,
    "volumes": VOLUMES,
    "registered_models": REGISTERED_MODELS,
    "experiments": Experiments(),
    "secret_scopes": SecretScopes(),
    "jobs": Jobs(),
    "model_serving_endpoints": ServingEndpoints(),
}


def kind_of(address: str) -> Kind:
    """What handles a resource of that address, `type.key`."""
    return _KINDS[address.partition(".")[0]]
