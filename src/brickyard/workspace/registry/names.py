"""Names in the model registry: three-level model names, versions and aliases."""

from __future__ import annotations

import re
from dataclasses import dataclass

from brickyard.workspace.api.errors import InvalidParameterValue

__all__ = ["ModelName", "parse_alias", "parse_version"]

_MAX_LENGTH = 255
_FORBIDDEN = re.compile(r"[\s/\\\x00-\x1f\x7f]")
_ALIAS = re.compile(r"[\w\-]{1,255}")
_NUMBER = re.compile(r"[0-9]{1,10}")
_VERSION_LIKE = re.compile(r"v?\d+", re.IGNORECASE)


@dataclass(frozen=True)
class ModelName:
    """The name of a registered model; Unity Catalog keeps names in lower case."""

    catalog: str
    schema: str
    model: str

    @classmethod
    def parse(cls, name: object) -> ModelName:
        """Read `catalog.schema.model`.

        Raises:
            InvalidParameterValue: It has fewer or more levels, or characters that a name cannot have.
        """
        if not isinstance(name, str) or not name:
            raise InvalidParameterValue("the name of the registered model is required")
        parts = name.lower().split(".")
        if len(parts) != 3:
            # the MLflow client looks for "specify all three levels" to add its hint on the workspace registry
            raise InvalidParameterValue(
                f"{name!r} is not a model of Unity Catalog; specify all three levels: catalog.schema.model"
            )
        for part in parts:
            if not part or len(part) > _MAX_LENGTH or _FORBIDDEN.search(part) or part in {".", ".."}:
                raise InvalidParameterValue(
                    f"{name!r}: each level has 1 to {_MAX_LENGTH} characters, without spaces and slashes"
                )
        return cls(*parts)

    @property
    def parent(self) -> str:
        """The full name of the schema."""
        return f"{self.catalog}.{self.schema}"

    def __str__(self) -> str:
        """The full name."""
        return f"{self.catalog}.{self.schema}.{self.model}"


def parse_version(version: object) -> int:
    """A version number from the number or text that a client sends.

    Raises:
        InvalidParameterValue: It is not a positive whole number.
    """
    text = str(version)
    if isinstance(version, bool) or not _NUMBER.fullmatch(text) or not 0 < int(text) < 2**31:
        raise InvalidParameterValue(f"{version!r} is not a version number; versions are 1, 2, 3, ...")
    return int(text)


def parse_alias(alias: object) -> str:
    """An alias, refused where it could be taken for a version.

    Raises:
        InvalidParameterValue: It is empty, looks like a version, is `latest`, or has characters it cannot have.
    """
    if not isinstance(alias, str) or not _ALIAS.fullmatch(alias):
        raise InvalidParameterValue(f"{alias!r} is not an alias: letters, digits, '_' and '-', up to 255")
    if alias.lower() == "latest" or _VERSION_LIKE.fullmatch(alias):
        raise InvalidParameterValue(f"the alias {alias!r} is reserved: it reads like a version")
    return alias
