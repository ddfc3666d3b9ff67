"""What the database knows of policies, and the settings that a call asks for."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

from brickyard.workspace.api.errors import InvalidParameterValue
from brickyard.workspace.api.shape import check_shape
from brickyard.workspace.identity.permissions import Securable
from brickyard.workspace.libraries.kinds import check_library
from brickyard.workspace.policies.families import FAMILIES
from brickyard.workspace.policies.rules import Rule, definition_of, rules_of

if TYPE_CHECKING:
    from databricks.sdk.service.compute import Policy

__all__ = ["PolicyRecord", "settings_of"]

_LONGEST_NAME, _MOST_LIBRARIES = 100, 500
_SETTINGS = frozenset({"name", "description", "libraries", "max_clusters_per_user"}) | {
    "definition",
    "policy_family_id",
    "policy_family_definition_overrides",
}


@dataclass(frozen=True)
class PolicyRecord:
    """A policy as it was asked for; times are epoch milliseconds."""

    id: str
    name: str
    description: str | None
    definition: str | None
    family_id: str | None
    overrides: str | None
    libraries: list[dict[str, Any]]
    max_clusters_per_user: int | None
    creator_name: str
    created_at: int
    is_default: bool

    @property
    def securable(self) -> Securable:
        """What permissions are granted on."""
        return Securable("cluster-policies", self.id)

    @cached_property
    def document(self) -> dict[str, Any]:
        """The definition that holds: its own, or its family's with the overrides in it."""
        if self.family_id is None:
            return definition_of(self.definition or "{}")
        inherited = FAMILIES[self.family_id].definition if self.family_id in FAMILIES else {}
        return {**inherited, **definition_of(self.overrides or "{}")}

    @cached_property
    def rules(self) -> tuple[Rule, ...]:
        """The rules of that definition."""
        return rules_of(self.document)

    def wire(self) -> Policy:
        """As the API shows it."""
        from databricks.sdk.service.compute import Library, Policy

        return Policy(
            created_at_timestamp=self.created_at,
            creator_user_name=self.creator_name,
            definition=json.dumps(self.document),
            description=self.description,
            is_default=self.is_default,
            libraries=[Library.from_dict(one) for one in self.libraries],
            max_clusters_per_user=self.max_clusters_per_user,
            name=self.name,
            policy_family_definition_overrides=self.overrides,
            policy_family_id=self.family_id,
            policy_id=self.id,
        )


def settings_of(body: Mapping[str, Any]) -> dict[str, Any]:
    """The columns that a call of create or edit sets.

    Raises:
        InvalidParameterValue: A value that a policy cannot have, or an unknown field.
    """
    from databricks.sdk.service.compute import Policy

    check_shape(Policy, body)
    for unknown in body.keys() - _SETTINGS - {"policy_id"}:
        raise InvalidParameterValue(f"{unknown:.80} is not a setting of cluster policies")
    name = body.get("name")
    if not name or len(name) > _LONGEST_NAME:
        raise InvalidParameterValue(f"name is required, and has 1 to {_LONGEST_NAME} characters")
    most = body.get("max_clusters_per_user")
    if most is not None and int(most) <= 0:
        raise InvalidParameterValue("max_clusters_per_user must be greater than 0")
    libraries = body.get("libraries") or []
    if len(libraries) > _MOST_LIBRARIES:
        raise InvalidParameterValue(f"a policy can have at most {_MOST_LIBRARIES} libraries, not {len(libraries)}")
    for library in libraries:
        check_library(f"policy {name!r}", library)
    return {
        "name": name,
        "description": body.get("description"),
        "libraries": libraries,
        "max_clusters_per_user": None if most is None else int(most),
        **_definition(body),
    }


def _definition(body: Mapping[str, Any]) -> dict[str, str | None]:
    family, own = body.get("policy_family_id") or None, body.get("definition")
    overrides = body.get("policy_family_definition_overrides")
    if family is None:
        if overrides:
            raise InvalidParameterValue("policy_family_definition_overrides can only be given with policy_family_id")
        definition_of(own or "{}")
        return {"definition": own or "{}", "family_id": None, "overrides": None}
    if own:
        raise InvalidParameterValue(
            "definition cannot be given with policy_family_id; use policy_family_definition_overrides instead"
        )
    if family not in FAMILIES:
        raise InvalidParameterValue(f"policy family {family!r:.80} does not exist; there are {', '.join(FAMILIES)}")
    definition_of(overrides or "{}", "policy_family_definition_overrides")
    return {"definition": None, "family_id": family, "overrides": overrides or None}
