"""What attributes users, service principals and groups have, and who may set them.

Source: https://docs.databricks.com/api/workspace/users (and groups, serviceprincipals) and RFC 7643.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

__all__ = ["ENTITLEMENTS", "GROUP", "SERVICE_PRINCIPAL", "USER", "Attribute", "Schema", "Shape"]

ENTITLEMENTS = (
    "allow-cluster-create",
    "allow-instance-pool-create",
    "databricks-sql-access",
    "workspace-access",
    "workspace-consume",
)


class Shape(StrEnum):
    """What a value of an attribute is."""

    TEXT = "text"
    FLAG = "true or false"
    PARTS = "an object"
    LIST = "a list of objects"


@dataclass(frozen=True)
class Attribute:
    """One attribute.

    Attributes:
        name: As it is written.
        shape: What its value is.
        parts: The names inside an object, or inside each object of a list.
        changes: Whether a PATCH may change it; a change of what is `ignored` is no error.
        ignored: Whether a change is silently left out, as the vendor says of `userName` and `emails`.
        exact: Whether its text differs by case.
    """

    name: str
    shape: Shape = Shape.TEXT
    parts: tuple[str, ...] = ()
    changes: bool = True
    ignored: bool = False
    exact: bool = False

    def part(self, name: str) -> str | None:
        """The name of a part as it is written, given in any case; nothing where there is none."""
        return next((part for part in self.parts if part.lower() == name.lower()), None)


@dataclass(frozen=True)
class Schema:
    """One kind of resource.

    Attributes:
        urn: Its name in SCIM.
        noun: What it is called in messages.
        attributes: What it has.
    """

    urn: str
    noun: str
    attributes: tuple[Attribute, ...]

    def find(self, name: str) -> Attribute | None:
        """An attribute by its name, in any case and also with the schema before it; nothing where there is none."""
        name = name.lower().removeprefix(f"{self.urn.lower()}:")
        return next((one for one in self.attributes if one.name.lower() == name), None)


_VALUES = ("value", "display", "type", "primary", "$ref")
_ID = Attribute("id", changes=False, exact=True)
_EXTERNAL = Attribute("externalId", exact=True)
_DISPLAY = Attribute("displayName")
_ACTIVE = Attribute("active", Shape.FLAG)
_GROUPS = Attribute("groups", Shape.LIST, _VALUES)
_RIGHTS = (Attribute("entitlements", Shape.LIST, _VALUES), Attribute("roles", Shape.LIST, _VALUES))
_CORE = "urn:ietf:params:scim:schemas:core:2.0:"

USER = Schema(
    _CORE + "User",
    "User",
    (
        _ID,
        _EXTERNAL,
        Attribute("userName", ignored=True),
        Attribute("emails", Shape.LIST, _VALUES, ignored=True),
        Attribute("name", Shape.PARTS, ("givenName", "familyName")),
        _DISPLAY,
        _ACTIVE,
        _GROUPS,
        *_RIGHTS,
    ),
)
SERVICE_PRINCIPAL = Schema(
    _CORE + "ServicePrincipal",
    "Service principal",
    (_ID, _EXTERNAL, Attribute("applicationId", changes=False), _DISPLAY, _ACTIVE, _GROUPS, *_RIGHTS),
)
GROUP = Schema(
    _CORE + "Group",
    "Group",
    (
        _ID,
        _EXTERNAL,
        _DISPLAY,
        Attribute("members", Shape.LIST, _VALUES),
        Attribute("groups", Shape.LIST, _VALUES, changes=False),
        *_RIGHTS,
    ),
)
