"""Libraries and environments as the API has them: which can be installed here, and what pip is asked for.

As on the service, a library that can never be installed is accepted, and its installation fails.
"""

from __future__ import annotations

import json
import shlex
from collections.abc import Mapping
from typing import Any

from packaging.requirements import InvalidRequirement, Requirement

from brickyard.runtime.redaction import without_passwords
from brickyard.workspace.api.errors import InvalidParameterValue

__all__ = ["check_environment", "check_library", "label_of", "name_of", "uninstallable", "words_of"]

_JAVA = "the engine of a local workspace executes Python and SQL and loads no libraries for Java and Scala"
#: Why libraries of these types cannot be installed here.
_UNINSTALLABLE = {
    "jar": _JAVA,
    "maven": _JAVA,
    "cran": "a local workspace does not execute R",
    "egg": "egg libraries are not supported from Databricks Runtime 14.0 on; build a wheel instead",
}
#: What libraries of these types must say.
_NAMED_BY = {"pypi": "package", "maven": "coordinates", "cran": "package"}
_VERSIONS = ("1", "2", "3", "4", "5")
_NOT_OF_ENVIRONMENTS = ("java_dependencies", "base_environment", "project_environment")
_ELSEWHERE = ("s3:", "s3a:", "abfss:", "gs:", "wasbs:", "adl:")


def check_library(where: str, library: Mapping[str, Any]) -> None:
    """Refuse what is no library.

    Args:
        where: The task, cluster or policy, for the message.
        library: The vendor's `Library`.

    Raises:
        InvalidParameterValue: It has no type or several, or its value is none.
    """
    given = {name: value for name, value in library.items() if value}
    if len(given) != 1:
        raise InvalidParameterValue(
            f"{where}: a library has one of pypi, whl, requirements, jar, maven, cran and egg; "
            f"this one has {', '.join(given) or 'none'}"
        )
    ((kind, value),) = given.items()
    if kind == "pypi":
        _check_package(where, value)
    elif kind in ("whl", "requirements"):
        _check_file(where, kind, value)
    elif kind in _NAMED_BY and not str(value.get(_NAMED_BY[kind]) or "").strip():
        raise InvalidParameterValue(f"{where}: {kind}.{_NAMED_BY[kind]} is required")


def uninstallable(library: Mapping[str, Any]) -> str | None:
    """Why a library can never be installed here; nothing where it can be tried."""
    return next((why for kind, why in _UNINSTALLABLE.items() if library.get(kind)), None)


def label_of(library: Mapping[str, Any]) -> str:
    """What messages call a library: `maven: "org.example:shapes:1.0"`."""
    kind, value = next((kind, value) for kind, value in library.items() if value)
    said = value[_NAMED_BY[kind]] if kind in _NAMED_BY else value
    return f'{kind}: "{without_passwords(said)}"'


def _check_package(where: str, value: Any) -> None:
    package, repo = value.get("package"), value.get("repo")
    if not isinstance(package, str) or not package.strip() or package.strip().startswith("-"):
        raise InvalidParameterValue(f"{where}: pypi.package must be a requirement such as numpy==2.1.0")
    if "://" not in package and " @ " not in package:
        try:
            Requirement(package)
        except InvalidRequirement as error:
            raise InvalidParameterValue(f"{where}: pypi.package {package!r:.100} is none: {error}") from error
    if repo and not repo.startswith(("http://", "https://", "file://")):
        raise InvalidParameterValue(f"{where}: pypi.repo must be the address of a package index, not {repo!r:.100}")


def _check_file(where: str, kind: str, value: str) -> None:
    ending = ".whl" if kind == "whl" else ".txt"
    if value.lower().startswith(_ELSEWHERE):
        raise InvalidParameterValue(
            f"{where}: {kind} {value!r:.200} is in the storage of a cloud; copy it to a volume or the workspace"
        )
    if not value.endswith(ending):
        raise InvalidParameterValue(f"{where}: {kind} must be the path of a {ending} file, not {value!r:.200}")


def words_of(library: Mapping[str, Any]) -> list[str]:
    """What pip is asked for; nothing where it cannot install such a library."""
    if library.get("pypi"):
        repo = library["pypi"].get("repo")
        return [*(["--extra-index-url", repo] if repo else []), library["pypi"]["package"]]
    if library.get("whl"):
        return [library["whl"]]
    return ["-r", library["requirements"]] if library.get("requirements") else []


def name_of(library: Mapping[str, Any]) -> str:
    """What tells a library from others."""
    return json.dumps({name: value for name, value in library.items() if value}, sort_keys=True)


def check_environment(key: str, spec: Mapping[str, Any]) -> None:
    """Refuse an environment of serverless compute that cannot be made here, by the name of the field.

    Raises:
        InvalidParameterValue: It needs Java, another base or a project's lock, or its version is none.
    """
    where = f"environment {key!r}"
    for name in _NOT_OF_ENVIRONMENTS:
        if spec.get(name):
            raise InvalidParameterValue(f"{where}: {name} is not supported here")
    version, client = spec.get("environment_version"), spec.get("client")
    if version and client and version != client:
        raise InvalidParameterValue(
            f"{where}: client ({client}) is the earlier name of environment_version ({version}); give one of them"
        )
    asked = version or client
    if asked and asked not in _VERSIONS:
        raise InvalidParameterValue(
            f"{where}: environment_version {asked!r:.40} is none; there are {', '.join(_VERSIONS)}"
        )
    for line in spec.get("dependencies") or []:
        _check_dependency(where, line)


def _check_dependency(where: str, line: object) -> None:
    if not isinstance(line, str) or "\0" in line or "\n" in line:
        raise InvalidParameterValue(f"{where}: a dependency is one line of a requirements file, not {line!r:.100}")
    try:
        words = shlex.split(line) if line.startswith("-") else []
    except ValueError as error:
        raise InvalidParameterValue(f"{where}: the dependency {line!r:.100} cannot be read: {error}") from error
    if words and words[0] in ("-e", "--editable"):
        raise InvalidParameterValue(f"{where}: {words[0]} is not supported here; build a wheel")
    if line.endswith((".jar", ".egg")):
        raise InvalidParameterValue(f"{where}: the dependency {line!r:.200} is no Python library that can be installed")
