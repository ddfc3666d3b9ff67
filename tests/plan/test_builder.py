"""What happens to each resource, from the project, the state and what the workspace has."""

from __future__ import annotations

from pathlib import Path

import pytest

from brickyard.errors import DeploymentError
from brickyard.plan.builder import resource_changes
from brickyard.plan.definition import ResourceChange
from brickyard.plan.look import Sight
from brickyard.plan.state import DeployedResource, State
from brickyard.project import Position, Resource

AT = Position(Path("databricks.yml"))
SCHEMA = {"catalog_name": "main", "name": "flights"}
JOB = {"name": "train"}


def resource(address: str, config: dict, depends_on: tuple[str, ...] = (), protected: bool = False) -> Resource:
    type_name, key = address.split(".")
    return Resource(type_name, key, config, AT, depends_on, protected)


def plan(*resources: Resource, state: dict | None = None, seen: dict | None = None, adopt: bool = False) -> list:
    sights = {item.address: Sight(*(seen or {}).get(item.address, (None, None))) for item in resources}
    known = State("lineage", 1, state or {})
    configs = {item.address: item.config for item in resources}
    return resource_changes(resources, configs, known, sights, adopt=adopt)


def actions(changes: list[ResourceChange]) -> list[tuple[str, str]]:
    return [(change.address, change.action) for change in changes]


def deployed(config: dict, id: str, **more: object) -> DeployedResource:
    return DeployedResource(id, config, config, **more)


def test_what_is_nowhere_is_created() -> None:
    assert actions(plan(resource("schemas.s", SCHEMA))) == [("schemas.s", "create")]


def test_what_is_as_it_should_be_is_skipped_and_the_state_stays() -> None:
    found = plan(resource("jobs.j", JOB), state={"jobs.j": deployed(JOB, "7")}, seen={"jobs.j": ("7", JOB)})

    assert actions(found) == [("jobs.j", "skip")]
    assert not found[0].refresh


def test_an_interrupted_creation_is_taken_over_and_completed() -> None:
    pending = DeployedResource(None, JOB, pending="create")
    found = plan(resource("jobs.j", JOB), state={"jobs.j": pending}, seen={"jobs.j": ("7", {"name": "train"})})

    assert actions(found) == [("jobs.j", "skip")]
    assert (found[0].id, found[0].refresh) == ("7", True)


def test_an_interrupted_creation_that_left_nothing_is_done_again() -> None:
    pending = DeployedResource(None, JOB, pending="create")

    assert actions(plan(resource("jobs.j", JOB), state={"jobs.j": pending})) == [("jobs.j", "create")]


def test_an_interrupted_update_that_was_done_only_needs_the_state() -> None:
    before = deployed(JOB, "7", pending="update")
    wanted = {"name": "renamed"}
    found = plan(resource("jobs.j", wanted), state={"jobs.j": before}, seen={"jobs.j": ("7", wanted)})

    assert (found[0].action, found[0].refresh) == ("skip", True)


def test_what_somebody_else_has_is_refused_unless_it_is_adopted() -> None:
    seen = {"schemas.s": ("main.flights", SCHEMA)}

    with pytest.raises(DeploymentError, match="exists already"):
        plan(resource("schemas.s", SCHEMA), seen=seen)
    assert actions(plan(resource("schemas.s", SCHEMA), seen=seen, adopt=True)) == [("schemas.s", "skip")]


def test_a_field_that_cannot_change_in_place_makes_it_again_and_what_is_inside_it() -> None:
    schema = resource("schemas.s", {"catalog_name": "main", "name": "other"})
    volume_config = {"catalog_name": "main", "schema_name": "x", "name": "v", "volume_type": "MANAGED"}
    volume = resource("volumes.v", volume_config, ("schemas.s",))
    state = {
        "schemas.s": deployed(SCHEMA, "main.flights"),
        "volumes.v": deployed(volume_config, "main.flights.v", depends_on=("schemas.s",)),
    }
    seen = {"schemas.s": ("main.flights", SCHEMA), "volumes.v": ("main.flights.v", volume_config)}

    found = plan(schema, volume, state=state, seen=seen)

    assert actions(found) == [("schemas.s", "recreate"), ("volumes.v", "create")]
    assert found[0].reason == "name cannot change in place"


def test_a_protected_resource_is_not_made_again() -> None:
    schema = resource("schemas.s", {**SCHEMA, "name": "other"}, protected=True)
    state, seen = {"schemas.s": deployed(SCHEMA, "main.flights")}, {"schemas.s": ("main.flights", SCHEMA)}

    with pytest.raises(DeploymentError, match="prevent_destroy"):
        plan(schema, state=state, seen=seen)


def test_who_refers_to_what_is_created_again_follows_it() -> None:
    other = {"name": "after", "tags": {"id": "${resources.jobs.j.id}"}}
    applied = {"name": "after", "tags": {"id": "7"}}
    state = {"jobs.j": deployed(JOB, "7"), "jobs.k": deployed(applied, "8", depends_on=("jobs.j",))}

    found = plan(
        resource("jobs.j", JOB), resource("jobs.k", other, ("jobs.j",)), state=state, seen={"jobs.k": ("8", applied)}
    )

    assert actions(found) == [("jobs.j", "create"), ("jobs.k", "update")]
    assert [(change.path, change.after) for change in found[1].changes] == [("tags.id", "${resources.jobs.j.id}")]


def test_who_refers_to_what_stays_is_left_alone() -> None:
    other = {"name": "after", "tags": {"id": "${resources.jobs.j.id}"}}
    applied = {"name": "after", "tags": {"id": "7"}}
    state = {"jobs.j": deployed(JOB, "7"), "jobs.k": deployed(applied, "8", depends_on=("jobs.j",))}
    seen = {"jobs.j": ("7", JOB), "jobs.k": ("8", applied)}

    found = plan(resource("jobs.j", JOB), resource("jobs.k", other, ("jobs.j",)), state=state, seen=seen)

    assert actions(found) == [("jobs.j", "skip"), ("jobs.k", "skip")]
    assert not any(change.refresh for change in found)
