"""Which engine a cluster asks for: the properties `spark.brickyard.*`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any
from urllib.parse import unquote

__all__ = ["DELTA_JARS", "DELTA_PACKAGES", "ENGINE", "EngineChoice", "UnknownEngine", "split"]

ENGINE = "spark.brickyard.engine"
DELTA_JARS = "spark.brickyard.delta.jars"
DELTA_PACKAGES = "spark.brickyard.delta.packages"
_PREFIX = "spark.brickyard."
_KNOWN = (ENGINE, DELTA_JARS, DELTA_PACKAGES)
_REMOTE = "sc://"


class UnknownEngine(ValueError):
    """The properties of a cluster name an engine that there is not."""


@dataclass(frozen=True)
class EngineChoice:
    """An engine, and what it needs.

    Attributes:
        name: `sail`, `jvm` or `remote`.
        url: The Spark Connect URL of a remote engine; may hold a token.
        jars: A directory with Delta's jars, for `jvm`.
        packages: Maven coordinates of Delta, for `jvm`, instead of `jars`.
    """

    name: str = "sail"
    url: str = field(default="", repr=False)
    jars: str = ""
    packages: str = ""

    @staticmethod
    def of(properties: Mapping[str, str], default: str = "sail") -> EngineChoice:
        """The engine that a cluster's properties ask for; `default` where they name none.

        Raises:
            UnknownEngine: They name one that there is not.
        """
        for key in properties:
            if key.startswith(_PREFIX) and key not in _KNOWN:
                raise UnknownEngine(f"there is no property {key}; there are {', '.join(_KNOWN)}")
        named = properties.get(ENGINE, default).strip()
        jars, packages = properties.get(DELTA_JARS, ""), properties.get(DELTA_PACKAGES, "")
        if named.startswith(_REMOTE):
            return EngineChoice("remote", named)
        if named not in ("sail", "jvm"):
            raise UnknownEngine(f"{ENGINE} is 'sail', 'jvm' or a Spark Connect URL (sc://HOST:PORT), not {named!r}")
        return EngineChoice(named, "", jars, packages)

    def as_dict(self) -> dict[str, Any]:
        """The choice as a message holds it."""
        return asdict(self)

    def secrets(self) -> list[str]:
        """What of the URL is not to be shown."""
        pairs = (part.partition("=") for part in self.url.partition("/;")[2].split(";"))
        values = [value for key, _, value in pairs if value and _is_secret(key)]
        return sorted({*values, *map(unquote, values)})


def split(properties: Mapping[str, str], choice: EngineChoice) -> dict[str, str]:
    """What of a cluster's properties is for the Spark session: the engine's name, and not its address and token."""
    own = {key: value for key, value in properties.items() if not key.startswith(_PREFIX)}
    return {**own, ENGINE: choice.name} if ENGINE in properties else own


def _is_secret(key: str) -> bool:
    return key.lower() not in {"use_ssl", "user_id", "user_agent", "session_id", "x-databricks-cluster-id"}
