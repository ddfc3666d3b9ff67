"""Properties of merging and of filling in references."""

from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from brickyard.project.faults import Faults, Position
from brickyard.project.interpolation import Resolver
from brickyard.project.merging import merge
from brickyard.project.source import from_plain, read_yaml

AT = Position(Path("x.yml"))
NAMES = st.sampled_from(["a", "b", "c", "tasks"])
SCALARS = st.one_of(st.integers(), st.booleans(), st.text(alphabet="xyz", max_size=3))
TREES = st.recursive(SCALARS, lambda inner: st.dictionaries(NAMES, inner, max_size=3), max_leaves=8)
MAPPINGS = st.dictionaries(NAMES, TREES, max_size=3)


@given(MAPPINGS, MAPPINGS)
def test_an_override_wins_and_nothing_else_changes(base: dict, override: dict) -> None:
    merged = merge(from_plain(base, AT), from_plain(override, AT)).plain()

    def check(before: dict, over: dict, after: dict) -> None:
        assert set(after) == {*before, *over}
        for name, value in after.items():
            if isinstance(before.get(name), dict) and isinstance(over.get(name), dict):
                check(before[name], over[name], value)
            else:
                assert value == (over[name] if name in over else before[name])

    check(base, override, merged)


@given(MAPPINGS)
def test_merging_with_nothing_changes_nothing(base: dict) -> None:
    assert merge(from_plain(base, AT), from_plain({}, AT)).plain() == base


@given(st.lists(st.tuples(st.sampled_from("abcd"), st.integers()), unique_by=lambda pair: pair[0]))
def test_tasks_are_merged_by_their_key(pairs: list) -> None:
    tasks = [{"task_key": key, "timeout_seconds": value} for key, value in pairs]
    override = [{"task_key": key, "max_retries": value} for key, value in reversed(pairs)]

    merged = merge(from_plain({"tasks": tasks}, AT), from_plain({"tasks": override}, AT)).plain()

    expected = [{"task_key": key, "timeout_seconds": value, "max_retries": value} for key, value in pairs]
    assert merged == {"tasks": expected}


@given(st.lists(SCALARS, min_size=1, max_size=6))
def test_a_chain_of_references_gives_the_last_value_with_its_type(values: list) -> None:
    chain = {f"v{index}": f"${{var.v{index + 1}}}" for index in range(len(values))}
    tree = from_plain({"var": {**chain, f"v{len(values)}": values[-1]}}, AT)
    faults = Faults()

    resolved = Resolver(tree, lambda path: False, faults).resolve(from_plain("${var.v0}", AT))

    assert resolved.value == values[-1]
    assert type(resolved.value) is type(values[-1])
    assert not faults.found


@given(st.integers(min_value=1, max_value=5))
def test_a_ring_of_references_always_ends_in_a_fault(size: int) -> None:
    ring = {f"v{index}": f"x${{var.v{(index + 1) % size}}}" for index in range(size)}
    faults = Faults()

    Resolver(from_plain({"var": ring}, AT), lambda path: False, faults).resolve(from_plain("${var.v0}", AT))

    assert any("in a circle" in fault.what for fault in faults.found)


def test_yaml_is_read_as_the_vendor_reads_it(tmp_path: Path) -> None:
    path = tmp_path / "x.yml"
    path.write_text("a: on\nb: 1:30\nc: 2024-01-01\nd: 010\ne: true\nf: 1e3\ng: ~\nh: &x {p: 1}\ni: {<<: *x, q: 2}\n")

    node = read_yaml(path, Path("x.yml"), Faults())

    assert node is not None
    expected = {"a": "on", "b": "1:30", "c": "2024-01-01", "d": 10, "e": True, "f": 1000.0, "g": None}
    assert node.plain() == {**expected, "h": {"p": 1}, "i": {"p": 1, "q": 2}}
    assert str(node.position_of("c")) == "x.yml:3:1"
