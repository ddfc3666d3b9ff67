"""Where the drawing of a job puts its tasks."""

from __future__ import annotations

from typing import Any

from brickyard.workspace.ui.task_graph import Drawing, drawing


def drawn(**above: str) -> Drawing | None:
    tasks: list[dict[str, Any]] = [
        {"task_key": key, "depends_on": [{"task_key": one} for one in keys.split()]} for key, keys in above.items()
    ]
    return drawing(tasks, dict.fromkeys(above, "notebook"))


def test_every_task_is_behind_those_before_it() -> None:
    found = drawn(d="b c a", a="", b="a", c="b")
    assert found is not None
    places = {one.key: one.x for one in found.boxes}
    assert places["a"] < places["b"] < places["c"] < places["d"]
    assert len(found.lines) == 5


def test_lines_pass_no_box() -> None:
    found = drawn(a="", b="a", c="a b")
    assert found is not None
    boxes = {one.key: one for one in found.boxes}
    passing = next(line for line in found.lines if "H" in line)  # from a to c, below b
    height = int(passing.partition("H")[0].split()[-1])
    assert height > boxes["b"].y + found.box_height
    assert found.height > height


def test_boxes_do_not_overlap() -> None:
    found = drawn(a="", b="", c="a b", d="a", e="", f="c d e")
    assert found is not None
    assert len({(one.x, one.y) for one in found.boxes}) == 6
    assert all(
        one.x + found.box_width <= found.width and one.y + found.box_height <= found.height for one in found.boxes
    )


def test_there_is_none_where_it_says_nothing() -> None:
    assert drawn(a="", b="") is None
