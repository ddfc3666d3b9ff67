"""Outputs of cells that programs have published in other shapes than is usual."""

from __future__ import annotations

from typing import Any

import pytest

from brickyard.runtime.tables import OUTPUT
from brickyard.workspace.rendering.cells import cells_shown


@pytest.mark.parametrize(
    ("data", "metadata", "shown"),
    [
        ({"text/html": None, "text/plain": "seen"}, {}, ("text", "seen")),
        ({"text/html": 5}, {}, ("html", "5")),
        ({"image/png": 12, "text/plain": ["a", "b"]}, {}, ("image", "data:image/png;base64,12")),
        ({"image/png": None}, {OUTPUT: None}, ("text", "an output of type none")),
        ({"text/plain": "seen"}, {OUTPUT: {"type": "table", "schema": [{}], "data": 1}}, ("text", "seen")),
    ],
)
def test_whatever_is_published_is_shown(data: Any, metadata: Any, shown: tuple[str, str]) -> None:
    output = {"output_type": "display_data", "data": data, "metadata": metadata}
    cell = {"index": 0, "language": "python", "source": "1", "state": "FINISHED", "outputs": [output]}
    [only] = cells_shown([cell])[0].outputs
    assert (only.kind, only.content) == shown
