"""What clusters give to what runs on them: environment variables and Spark properties, with secrets in them.

A value that is exactly `{{secrets/<scope>/<key>}}` stands for a secret, as on the service
(https://docs.databricks.com/security/secrets/secrets-spark-conf-env-var.html). It is read when a task or the cluster
starts; what is stored and shown is the reference.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from brickyard.workspace.api.errors import ApiError, InvalidParameterValue
from brickyard.workspace.catalog.hive import HIVE, LEGACY_MODES
from brickyard.workspace.clusters.records import Json
from brickyard.workspace.compute.initial_catalog import INITIAL_CATALOG

if TYPE_CHECKING:
    from brickyard.workspace.workspace import Workspace

__all__ = ["ClusterValues", "SecretUnavailable", "check_values", "values_of"]

_SECRET = re.compile(r"\{\{secrets/([^/{}]+)/([^/{}]+)\}\}")
_ANY_SECRET = re.compile(r"\{\{\s*secrets/")
_VARIABLE = re.compile(r"[^=\0]+")
_PARTS = ("spark_env_vars", "spark_conf")


class SecretUnavailable(Exception):
    """A cluster refers to a secret that cannot be given; the message says which and why."""


@dataclass(frozen=True)
class ClusterValues:
    """What a task gets from its cluster.

    Attributes:
        environment: Environment variables, with references to secrets as they are.
        spark_conf: Spark properties, likewise.
        secrets: The secrets' values, by the reference that stands for each.
    """

    environment: Mapping[str, str]
    spark_conf: Mapping[str, str]
    secrets: Mapping[str, str]

    def revealed(self, values: Mapping[str, str]) -> dict[str, str]:
        """The environment or the properties with the secrets that they refer to."""
        return {name: self.secrets.get(value, value) for name, value in values.items()}


def check_values(where: str, cluster: Json) -> None:
    """Refuse environment variables and properties that could not be given.

    Args:
        where: The cluster, for the message.
        cluster: The vendor's `ClusterSpec`.

    Raises:
        InvalidParameterValue: A value is no text, a name is none, or a reference to a secret is not all of a value.
    """
    for part, name, value in _values(cluster):
        if not isinstance(value, str) or "\0" in value:
            raise InvalidParameterValue(f"{where}: {part}.{name} must be a string, not {value!r}")
        if not _VARIABLE.fullmatch(name):
            raise InvalidParameterValue(f"{where}: {part} has the name {name!r}; it is not empty and has no = in it")
        if _ANY_SECRET.search(value) and not _SECRET.fullmatch(value):
            raise InvalidParameterValue(
                f"{where}: the value of {part}.{name} must be exactly {{{{secrets/<scope>/<key>}}}}, without text or "
                f"spaces around or in it, not {value!r}"
            )


def values_of(workspace: Workspace, cluster: Json, principal_name: str, use: str) -> ClusterValues:
    """What a cluster gives, with the secrets' values as they are now.

    Args:
        workspace: Whose secrets they are.
        cluster: The vendor's `ClusterSpec`.
        principal_name: Who needs READ on the secrets' scopes.
        use: What the values are for, as the audit record names it.

    Raises:
        SecretUnavailable: A secret does not exist, may not be read, or cannot be such a value.
    """
    secrets: dict[str, str] = {}
    for part, name, value in _values(cluster):
        if _SECRET.fullmatch(value) and value not in secrets:
            secrets[value] = _read(workspace, (principal_name, use), f"{part}.{name}", value)
    environment, spark_conf = (dict(cluster.get(part) or {}) for part in _PARTS)
    if cluster.get("data_security_mode") in LEGACY_MODES:
        spark_conf.setdefault(INITIAL_CATALOG, HIVE)
    return ClusterValues(environment, spark_conf, secrets)


def _values(cluster: Json) -> Iterator[tuple[str, str, str]]:
    for part in _PARTS:
        for name, value in (cluster.get(part) or {}).items():
            yield part, name, value


def _read(workspace: Workspace, who: tuple[str, str], place: str, reference: str) -> str:
    match = _SECRET.fullmatch(reference)
    scope, key = match.groups() if match else ("", "")
    principal_name, use = who
    try:
        value = workspace.secrets.read_as(principal_name, scope, key, use).decode()
    except ApiError as error:
        raise SecretUnavailable(f"{place} refers to {reference}: {error.message}") from error
    except UnicodeDecodeError:  # its message would quote the value
        raise SecretUnavailable(f"{place} refers to {reference}, whose value is not text in UTF-8") from None
    if "\0" in value:
        raise SecretUnavailable(f"{place} refers to {reference}, whose value has a NUL character in it")
    return value
