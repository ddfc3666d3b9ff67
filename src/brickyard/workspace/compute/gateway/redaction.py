"""Values that Spark does not show, because their key or they themselves may be a secret.

Source: https://spark.apache.org/docs/latest/configuration.html (`spark.redaction.regex`), and
`spark.sql.redaction.options.regex`
"""

from __future__ import annotations

import re
from collections.abc import Mapping

__all__ = ["redacted"]

SECRET = re.compile(r"(?i)secret|password|token|access[.]?key|url")
HIDDEN = "*********(redacted)"


def redacted(properties: Mapping[str, str]) -> dict[str, str]:
    """Properties, options or settings as they are shown."""
    return {
        key: HIDDEN if SECRET.search(key) or SECRET.search(str(value)) else value for key, value in properties.items()
    }
