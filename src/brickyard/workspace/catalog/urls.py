"""Addresses of external locations: directories of this machine, places in DBFS, and those of clouds, only kept."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import unquote, urlsplit

from brickyard.workspace.api.errors import InvalidParameterValue

__all__ = ["CLOUDS", "Address", "address"]

#: Schemes of clouds' storage. A local workspace has no way there.
CLOUDS = frozenset({"abfs", "abfss", "adl", "gs", "r2", "s3", "s3a", "s3n", "wasb", "wasbs"})
_CLOUD = re.compile(r"([a-z0-9]+)://([^/]+)(/.*)?")


@dataclass(frozen=True)
class Address:
    """Where an external location is.

    Attributes:
        url: In the one form in which addresses are compared: without a slash at the end.
        local: The directory on this machine; nothing for a cloud's.
    """

    url: str
    local: Path | None

    def covers(self, other: Address) -> bool:
        """Whether another address is this one, or below it."""
        if self.local is None or other.local is None:
            return self.local is other.local and f"{other.url}/".startswith(f"{self.url}/")
        return other.local.is_relative_to(self.local)


def address(url: str, data: Path) -> Address:
    """What a url means.

    Args:
        url: As the user gave it.
        data: The workspace's data, for `dbfs:/`.

    Raises:
        InvalidParameterValue: It is none, or names what no external location can be.
    """
    parts = urlsplit(url)
    cloud = _CLOUD.fullmatch(url)
    if cloud and cloud[1] in CLOUDS:
        return Address(url.rstrip("/"), None)
    path = unquote(parts.path)
    if "\0" in path or ".." in path.split("/") or not path.startswith("/"):
        raise InvalidParameterValue(f"{url!r} is not an absolute path")
    if parts.scheme == "file" and parts.netloc in ("", "localhost"):
        place = Path(path).resolve()
        return Address(place.as_uri(), place)
    if parts.scheme == "dbfs" and not parts.netloc and not path.lower().startswith("/volumes"):
        place = (data / "dbfs" / path.lstrip("/")).resolve()
        return Address(f"dbfs:/{path.strip('/')}".rstrip("/"), place)
    raise InvalidParameterValue(f"{url!r} must be a file:/, dbfs:/ or a cloud's url ({', '.join(sorted(CLOUDS))})")
