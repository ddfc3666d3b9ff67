"""Import to and export from the workspace tree: what becomes a notebook, what a file, and in which format it leaves."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Callable
from pathlib import PurePosixPath
from typing import TYPE_CHECKING

from brickyard.workspace.api.errors import InvalidParameterValue, NotImplementedByWorkspace
from brickyard.workspace.files.errors import NotebookTooLarge
from brickyard.workspace.files.notebooks import (
    EXTENSIONS,
    file_language,
    jupyter_language,
    language_of,
    recognise,
    to_jupyter,
    to_source,
    with_header,
)
from brickyard.workspace.files.tree import FOLDERS

if TYPE_CHECKING:
    from brickyard.workspace.files.storage import Spool
    from brickyard.workspace.files.tree import Tree, TreeObject

__all__ = ["MAX_FILE_BYTES", "MAX_NOTEBOOK_BYTES", "export_object", "import_object"]

# Source of the limits: https://docs.databricks.com/files/workspace.html and the workspace API's reference.
MAX_FILE_BYTES = 500 * 1024 * 1024
MAX_NOTEBOOK_BYTES = 10 * 1024 * 1024
_ZIP = b"PK\x03\x04"


def import_object(
    tree: Tree,
    path: str,
    spool: Spool,
    *,
    kind: str = "SOURCE",
    language: str | None = None,
    overwrite: bool = False,
    check: Callable[[str], None] = lambda path: None,
) -> None:
    """Put content into the tree, as a notebook or as a file.

    Args:
        tree: The workspace tree.
        path: Where; a notebook recognised by `AUTO` loses its extension, as with the vendor.
        spool: The content.
        kind: The vendor's import format: `SOURCE`, `JUPYTER`, `AUTO` or `RAW`.
        language: Of source; where it is missing, the extension says it.
        overwrite: Whether existing content of the same kind is replaced.
        check: Asked before a notebook takes another path than the given one; refuses by raising.

    Raises:
        InvalidParameterValue: Format, language and content do not fit.
        NotImplementedByWorkspace: The format is one that the local workspace does not read.
        NotebookTooLarge: A notebook has more than 10 MiB.
    """
    if kind == "RAW":
        tree.write(path, spool, kind="FILE", language=None, overwrite=overwrite)
    elif kind == "AUTO":
        _automatic(tree, path, spool, overwrite, check)
    elif kind == "JUPYTER":
        content = _notebook(spool)
        tree.write(path, spool, kind="NOTEBOOK", language=jupyter_language(content), overwrite=overwrite)
    elif kind == "SOURCE":
        _source(tree, path, spool, language, overwrite)
    else:
        raise _unknown(kind, "import")


def export_object(
    tree: Tree, path: str, kind: str = "SOURCE", shown: Callable[[str], bool] = lambda path: True
) -> tuple[bytes, str]:
    """The content of a notebook, file or directory, and the extension that it has in this format.

    Args:
        tree: The workspace tree.
        path: Which.
        kind: The vendor's export format: `SOURCE`, `JUPYTER`, `AUTO` or `RAW`.
        shown: Whether what is in a directory is for who asks.

    Raises:
        InvalidParameterValue: A file is asked for as a notebook, or a directory in a format for one object.
        NotImplementedByWorkspace: The format is one that the local workspace does not write.
        NotebookTooLarge: A directory has more than 10 MiB.
    """
    if kind not in ("SOURCE", "JUPYTER", "AUTO", "RAW"):
        raise _unknown(kind, "export")
    found = tree.get(path)
    if found.kind in FOLDERS:
        if kind not in ("SOURCE", "AUTO"):
            raise InvalidParameterValue(f"Path ({found.path}) is a directory, which has no format {kind}.")
        return _archive(tree, found.path, kind, shown), "zip"
    return _export_one(tree, found, kind)


def _archive(tree: Tree, top: str, kind: str, shown: Callable[[str], bool]) -> bytes:
    """A directory as a zip: of `SOURCE` its notebooks, of `AUTO` its files too; what links lead to is left out."""
    target, size = io.BytesIO(), 0
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as archive:
        waiting = [top]
        while waiting:
            for one in tree.children(waiting.pop()):
                if tree.is_link(one.path) or not shown(one.path) or (one.kind == "FILE" and kind == "SOURCE"):
                    continue
                if one.kind in FOLDERS:
                    waiting.append(one.path)
                    continue
                size += one.size
                if size > MAX_NOTEBOOK_BYTES:
                    raise NotebookTooLarge(f"The directory {top} is larger than {MAX_NOTEBOOK_BYTES} bytes.")
                content, extension = _export_one(tree, one, kind)
                name = one.path.removeprefix(top.rpartition("/")[0]).lstrip("/")
                archive.writestr(name if one.kind == "FILE" else f"{name}.{extension}", content)
    return target.getvalue()


def _export_one(tree: Tree, found: TreeObject, kind: str) -> tuple[bytes, str]:
    if found.kind == "FILE":
        if kind == "JUPYTER":
            raise InvalidParameterValue(f"Path ({found.path}) is a file, which has no format JUPYTER.")
        return tree.read(found.path), PurePosixPath(found.path).suffix[1:]
    notebook = tree.read_notebook(found.path)
    content = notebook.content
    if kind == "JUPYTER" and notebook.format == "SOURCE":
        content = to_jupyter(content, notebook.language)
    if kind == "SOURCE" and notebook.format == "JUPYTER":
        content = to_source(content)
    jupyter = kind == "JUPYTER" or (kind != "SOURCE" and notebook.format == "JUPYTER")
    extension = next(end for end, language in EXTENSIONS.items() if language == notebook.language)
    return content, "ipynb" if jupyter else extension[1:]


def _automatic(tree: Tree, path: str, spool: Spool, overwrite: bool, check: Callable[[str], None]) -> None:
    candidate = PurePosixPath(path).suffix.lower() in (*EXTENSIONS, ".ipynb")
    language = recognise(path, spool.read(MAX_NOTEBOOK_BYTES + 1)) if candidate else None
    if language is None:
        tree.write(path, spool, kind="FILE", language=None, overwrite=overwrite)
        return
    _notebook(spool)
    bare = str(PurePosixPath(path).with_suffix(""))
    check(bare)
    tree.write(bare, spool, kind="NOTEBOOK", language=language, overwrite=overwrite)


def _source(tree: Tree, path: str, spool: Spool, language: str | None, overwrite: bool) -> None:
    language = language or file_language(path)
    if language is None and spool.read(4) == _ZIP:
        raise NotImplementedByWorkspace("import of a directory (a zip in format SOURCE) is not implemented")
    if language is None or language not in EXTENSIONS.values():
        known = ", ".join(EXTENSIONS.values())
        raise InvalidParameterValue(f"language is {language!r}; format SOURCE needs one of {known}.")
    content = _notebook(spool)
    headed = with_header(content, language)
    if headed != content:
        spool.replace(headed)
    kept = language_of(headed, language)
    tree.write(path, spool, kind="NOTEBOOK", language=kept, overwrite=overwrite)


def _notebook(spool: Spool) -> bytes:
    content = spool.read(MAX_NOTEBOOK_BYTES + 1)
    if len(content) > MAX_NOTEBOOK_BYTES:
        raise NotebookTooLarge(f"The notebook is larger than {MAX_NOTEBOOK_BYTES} bytes.")
    return content


def _unknown(kind: str, verb: str) -> Exception:
    if kind in ("HTML", "DBC", "R_MARKDOWN"):
        return NotImplementedByWorkspace(f"{verb} of format {kind} is not implemented by the local workspace")
    return InvalidParameterValue(f"{kind!r} is not an {verb} format.")
