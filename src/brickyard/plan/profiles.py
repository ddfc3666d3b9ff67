"""Profiles: which host and credentials a name stands for, and in which file it was found."""

from __future__ import annotations

import configparser
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from brickyard.errors import ConnectionFailed

__all__ = ["Profile", "address_of", "default_profile", "find_profile", "profile_files", "profile_of_host"]


@dataclass(frozen=True, slots=True)
class Profile:
    """A section of a configuration file of the Databricks tools; its settings hold credentials.

    Args:
        name: The section's name.
        file: The file it was found in.
        settings: What it says, in the names of the SDK's `Config`.
    """

    name: str
    file: Path
    settings: Mapping[str, str] = field(repr=False)


def profile_files(environ: Mapping[str, str]) -> tuple[Path, ...]:
    """The files that profiles are looked up in, in order.

    `$DATABRICKS_CONFIG_FILE`, then `~/.databrickscfg`, then the profiles of local workspaces, which
    `brickyard workspace start` writes to `$BRICKYARD_HOME/databrickscfg`.
    """
    home = Path(environ.get("HOME") or Path.home())
    own = Path(environ.get("BRICKYARD_HOME") or home / ".brickyard").expanduser()
    named = environ.get("DATABRICKS_CONFIG_FILE")
    files = [Path(named).expanduser()] if named else []
    return (*files, home / ".databrickscfg", own / "databrickscfg")


def find_profile(name: str, environ: Mapping[str, str]) -> Profile:
    """The profile of that name in the first file that has it.

    Raises:
        ConnectionFailed: No file has it.
    """
    known = []
    for profile in _profiles(environ):
        if profile.name == name:
            return profile
        known.append(profile.name)
    files = ", ".join(str(path) for path in profile_files(environ))
    raise ConnectionFailed(
        f"there is no profile '{name}'" + (f"; there are: {', '.join(dict.fromkeys(known))}" if known else ""),
        where=files,
        next=f"start a local workspace with `brickyard workspace start {name}`, or add the profile to ~/.databrickscfg",
    )


def default_profile(environ: Mapping[str, str]) -> Profile | None:
    """The profile that is used where nothing else says which, or None."""
    return next((found for found in _profiles(environ) if found.name == "DEFAULT"), None)


def profile_of_host(host: str, environ: Mapping[str, str]) -> Profile | None:
    """The first profile with that host, or None."""
    wanted = address_of(host)
    return next((found for found in _profiles(environ) if address_of(found.settings.get("host", "")) == wanted), None)


def address_of(host: str) -> str:
    """A host as an address that compares: with its scheme, without a slash at its end."""
    plain = host.strip().rstrip("/")
    return plain if "://" in plain or not plain else f"https://{plain}"


def _profiles(environ: Mapping[str, str]) -> Iterator[Profile]:
    for file in profile_files(environ):
        parser = configparser.ConfigParser(default_section="", interpolation=None)
        try:
            parser.read_string(file.read_text(encoding="utf-8"))
        except FileNotFoundError:
            continue
        except (OSError, UnicodeDecodeError, configparser.Error) as error:
            reason = str(error).replace("\n", " ")
            raise ConnectionFailed(
                "the profiles cannot be read",
                where=f"{file}: {reason}",
                next="correct the file, or name another in DATABRICKS_CONFIG_FILE",
            ) from error
        for name in parser.sections():
            if name != "__settings__":
                yield Profile(name, file, dict(parser.items(name)))
