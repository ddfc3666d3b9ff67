"""What of an endpoint's requests and answers is kept: the vendor's configuration, and settings of ours in tags.

The vendor's API says where the table is. What it has no field for is in tags of the endpoint, which its workspaces
keep and do not read: `brickyard.capture.sampling_fraction` (above 0, at most 1) and `brickyard.capture.mask_columns`
(names of columns with commas between them).
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from databricks.sdk.service.serving import AutoCaptureConfigInput

from brickyard.workspace.api.errors import InvalidParameterValue
from brickyard.workspace.api.shape import check_shape
from brickyard.workspace.catalog.names import valid_full_name

__all__ = ["MASK_TAG", "SAMPLING_TAG", "CaptureConfig", "CaptureSettings"]

SAMPLING_TAG = "brickyard.capture.sampling_fraction"
MASK_TAG = "brickyard.capture.mask_columns"
_PLACE = ("catalog_name", "schema_name", "table_name_prefix")


@dataclass(frozen=True)
class CaptureConfig:
    """Where requests and answers go.

    Attributes:
        catalog_name: The catalog.
        schema_name: The schema.
        table_name_prefix: What the table's name begins with.
        enabled: Whether they are written now.
        gateway: Whether the table has the columns of the AI gateway.
    """

    catalog_name: str
    schema_name: str
    table_name_prefix: str
    enabled: bool = True
    gateway: bool = False

    @property
    def table(self) -> str:
        """The table's full name."""
        return f"{self.catalog_name}.{self.schema_name}.{self.table_name_prefix}_payload".lower()

    @classmethod
    def parse(
        cls, given: Any, endpoint: str | None, field: str = "config.auto_capture_config", *, gateway: bool = False
    ) -> CaptureConfig | None:
        """Read `auto_capture_config`; none where it is not given, or turned off without naming a table.

        Args:
            given: What was sent.
            endpoint: The endpoint's name, which the prefix is by default.
            field: What errors call it.
            gateway: Whether it is `inference_table_config` of an AI gateway.

        Raises:
            InvalidParameterValue: A field is missing or wrong.
        """
        if given is None:
            return None
        check_shape(AutoCaptureConfigInput, given, field)
        values = {name: given.get(name) for name in _PLACE}
        values["table_name_prefix"] = values["table_name_prefix"] or endpoint or ""
        if not values["catalog_name"] or not values["schema_name"]:
            if given.get("enabled", False) or any(given.get(name) for name in _PLACE):
                raise InvalidParameterValue(f"{field} needs catalog_name and schema_name")
            return None
        config = cls(**values, enabled=given.get("enabled", True) is not False, gateway=gateway)
        valid_full_name(config.table, 3)
        return config

    def require_same_place(self, now: CaptureConfig | None) -> None:
        """Refuse another table than that of `now`, while that is written to.

        Raises:
            InvalidParameterValue: It is another.
        """
        if now is not None and now.enabled and now.table != self.table:
            raise InvalidParameterValue(
                f"The inference table cannot be changed from {now.table} to {self.table} while it is enabled; send "
                "enabled: false first, then the new table."
            )


@dataclass(frozen=True)
class CaptureSettings:
    """What the tags of an endpoint say.

    Attributes:
        fraction: The share of the requests that is kept.
        masked: Columns whose values are not kept, in lower case.
    """

    fraction: float = 1.0
    masked: frozenset[str] = frozenset()

    @classmethod
    def parse(cls, tags: Mapping[str, str | None]) -> CaptureSettings:
        """Read the tags.

        Raises:
            InvalidParameterValue: One has no value that it can have.
        """
        names = (name.strip().lower() for name in (tags.get(MASK_TAG) or "").split(","))
        return cls(_fraction(tags.get(SAMPLING_TAG)), frozenset(name for name in names if name))


def _fraction(text: str | None) -> float:
    if not text:
        return 1.0
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not 0 < value <= 1:
        raise InvalidParameterValue(f"the tag {SAMPLING_TAG} must be a number above 0 and at most 1; got '{text}'")
    return value
