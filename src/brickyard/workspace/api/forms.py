"""Bodies sent as `multipart/form-data`: fields, and one file that goes to the disk without passing through memory."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from brickyard.workspace.api.errors import BadRequest

if TYPE_CHECKING:
    from brickyard.workspace.files.storage import Spool

__all__ = ["form_file"]


def form_file(body: Spool, kind: str, name: str, content: Spool) -> dict[str, Any]:
    """Split a form into its fields and the part that is its content.

    Args:
        body: The form.
        kind: Its content type, with the boundary.
        name: The part, a file or a field, that is the content.
        content: Where the content goes.

    Raises:
        BadRequest: There is no such part.
    """
    from werkzeug.formparser import parse_form_data

    body.file.seek(0)
    environ: dict[str, Any] = {
        "wsgi.input": body.file,
        "CONTENT_TYPE": kind,
        "CONTENT_LENGTH": str(body.path.stat().st_size),
        "REQUEST_METHOD": "POST",
    }
    _, fields, parts = parse_form_data(environ)
    part = parts.get(name)
    if part is not None:
        part.save(content.file)
        content.file.flush()
    elif name in fields:
        content.replace(fields[name].encode())
    else:
        raise BadRequest(f"the form has no part `{name}`")
    return dict(fields)
