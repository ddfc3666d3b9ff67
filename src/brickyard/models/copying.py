"""Copies a version's exact files to the next environment's registry, once."""

from __future__ import annotations

import tempfile
from collections.abc import Mapping
from pathlib import Path

from brickyard.errors import ModelError
from brickyard.models.evidence import DIGEST, EVIDENCE_TAGS, Evidence
from brickyard.models.lineage import ORIGIN, SOURCE, VERIFIED, Origin, read_origin
from brickyard.models.registry import VersionState
from brickyard.models.site import Site, now
from brickyard.models.throttling import patiently

__all__ = ["copy_version", "verify_files"]


def copy_version(source: Site, target: Site, version: str, evidence: Evidence) -> tuple[str, bool]:
    """Register the files of a version in the target's registry.

    Files that are already there are not copied again; what an interrupted copy left is removed.

    Returns:
        The version's number there, and whether it is new.

    Raises:
        ModelError: The files are not those that were judged, or arrived differently; then nothing stays.
    """
    target.registry.ensure_model()
    found = _same_files(target, evidence.digest)
    if found is not None:
        if VERIFIED not in found.tags:
            _confirm(target, found.version, evidence.digest)
        return found.version, False
    with tempfile.TemporaryDirectory(prefix="brickyard-promote-") as name:
        files = source.registry.download(version, Path(name) / "model")
        _check(files, evidence.digest, f"version {version} of {source.label}", "Evaluate the version again.")
        tags = _tags(source, source.version(version), evidence)
        described = f"Promoted from {source.environment.name}: {source.policy.name} version {version}"
        created = patiently(lambda: _register(target, files, tags, described))
    _confirm(target, created, evidence.digest)
    return created, True


def _register(target: Site, files: Path, tags: Mapping[str, str], described: str) -> str:
    """Register the files once, however often this is called."""
    found = _same_files(target, tags[DIGEST])
    return found.version if found is not None else target.registry.create_version(files, tags, described)


def verify_files(site: Site, version: str, digest: str) -> None:
    """Download a version and compare the hash of its files.

    Raises:
        ModelError: They are not the expected ones.
    """
    with tempfile.TemporaryDirectory(prefix="brickyard-verify-") as name:
        files = site.registry.download(version, Path(name) / "model")
        _check(files, digest, f"version {version} of {site.label}", "Do not use this version; promote it again.")


def _same_files(target: Site, digest: str) -> VersionState | None:
    for state in target.registry.versions():
        if state.tags.get(DIGEST) != digest or SOURCE not in state.tags:
            continue
        if state.ready:
            return state
        target.registry.delete_version(state.version)
    return None


def _confirm(target: Site, version: str, digest: str) -> None:
    """Verify a fresh copy; one that arrived differently is deleted."""
    try:
        verify_files(target, version, digest)
    except ModelError:
        target.registry.delete_version(version)
        raise
    target.registry.tag_version(version, {VERIFIED: now()})


def _tags(source: Site, state: VersionState, evidence: Evidence) -> dict[str, str]:
    here = Origin(
        environment=source.environment.name,
        host=source.registry.host,
        model=source.policy.name,
        version=state.version,
        run_id=state.run_id,
        commit=source.registry.run_commit(state.run_id) if state.run_id else "",
    )
    first = read_origin(state.tags, ORIGIN) or here
    gate = {key: state.tags[key] for key in EVIDENCE_TAGS if key in state.tags}
    return {DIGEST: evidence.digest, SOURCE: here.tag(), ORIGIN: first.tag(), **gate}


def _check(files: Path, digest: str, what: str, next: str) -> None:
    from brickyard.scoring.digest import model_digest

    actual = model_digest(files)
    if actual != digest:
        raise ModelError(
            f"the files of {what} are not those that passed the gate: their hash is {actual[:16]}..., "
            f"expected {digest[:16]}...",
            where=what,
            next=next,
        )
