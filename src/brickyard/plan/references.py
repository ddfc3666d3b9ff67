"""Values of resources that are known only once they exist: `${resources.jobs.train.id}`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from brickyard.errors import DeploymentError
from brickyard.plan.compare import flatten
from brickyard.plan.state import DeployedResource
from brickyard.project.interpolation import references, substitute
from brickyard.project.source import Scalar

__all__ = ["fill", "unresolved"]


def fill(config: Any, resources: Mapping[str, DeployedResource], *, strict: bool, where: str) -> Any:
    """Fill in what is known of other resources.

    Args:
        config: Plain data.
        resources: The deployed resources by address.
        strict: Whether a value that is not known is an error; otherwise it stays as written.
        where: The resource that `config` is of, for errors.

    Raises:
        DeploymentError: A value is not known, and `strict` is set.
    """
    if isinstance(config, Mapping):
        return {name: fill(item, resources, strict=strict, where=where) for name, item in config.items()}
    if isinstance(config, list | tuple):
        return [fill(item, resources, strict=strict, where=where) for item in config]
    if not isinstance(config, str) or "${resources." not in config:
        return config
    return substitute(config, lambda path: _value(path, resources, strict, where))


def unresolved(config: Any) -> bool:
    """Whether something in a configuration is known only later."""
    return any(
        path.startswith("resources.")
        for value in flatten(config).values()
        for path in references(value if isinstance(value, str) else str(value))
    )


def _value(path: str, resources: Mapping[str, DeployedResource], strict: bool, where: str) -> Scalar:
    _, type_name, key, *rest = path.split(".")
    found = resources.get(f"{type_name}.{key}")
    if found is not None and found.id is not None:
        name = ".".join(rest)
        if name == "id":
            return found.id
        for known in (found.remote, found.config):
            value = flatten(known).get(name)
            if isinstance(value, str | int | float | bool):
                return value
    if not strict:
        return f"${{{path}}}"
    raise DeploymentError(
        f"'${{{path}}}' has no value",
        where=where,
        next=f"'{type_name}.{key}' has an `id`, and the fields that it is declared with",
    )
