"""The SCIM protocol as the vendor speaks it: schemas, filters, PATCH operations and errors."""

from brickyard.workspace.identity.scim.errors import ScimError
from brickyard.workspace.identity.scim.filters import parse_filter
from brickyard.workspace.identity.scim.patches import apply_patch

__all__ = ["ScimError", "apply_patch", "parse_filter"]
