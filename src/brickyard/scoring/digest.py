"""The content hash of a model's files, the same in every workspace the model was copied to."""

from __future__ import annotations

import hashlib
from pathlib import Path

__all__ = ["model_digest"]

# The MLflow client adds the first to its local copy when it downloads `models:/...`; it is not part of the model.
_NOT_THE_MODEL = frozenset({"registered_model_meta"})
_CHUNK_BYTES = 1 << 20


def model_digest(path: str | Path) -> str:
    """Hash a model directory: SHA-256 over its sorted relative paths and contents, in hexadecimal.

    Compiled Python files and the marker that the MLflow client writes into a download are left out, so a model
    has one digest wherever it lies.

    Raises:
        FileNotFoundError: If there is no directory at `path`.
    """
    root = Path(path)
    if not root.is_dir():
        raise FileNotFoundError(f"no model directory at {root}")
    digest = hashlib.sha256()
    for name in sorted(_files(root)):
        _add(digest, name.encode())
        _add_file(digest, root / name)
    return digest.hexdigest()


def _files(root: Path) -> list[str]:
    names = [file.relative_to(root) for file in root.rglob("*") if file.is_file()]
    return [n.as_posix() for n in names if n.as_posix() not in _NOT_THE_MODEL and "__pycache__" not in n.parts]


def _add(digest: hashlib._Hash, part: bytes) -> None:
    """Add a part with its length, so that moving bytes between a name and a content changes the hash."""
    digest.update(len(part).to_bytes(8, "big"))
    digest.update(part)


def _add_file(digest: hashlib._Hash, file: Path) -> None:
    digest.update(file.stat().st_size.to_bytes(8, "big"))
    with file.open("rb") as stream:
        while chunk := stream.read(_CHUNK_BYTES):
            digest.update(chunk)
