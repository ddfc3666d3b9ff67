"""Principals of tests: administrators make them through the API, and they call it with tokens of their own."""

from __future__ import annotations

import uuid
from dataclasses import dataclass

from databricks.sdk import WorkspaceClient
from databricks.sdk.service.iam import ComplexValue


@dataclass(frozen=True)
class Person:
    """A service principal without any rights of its own."""

    id: str
    name: str  # its application id, by which permissions name it
    client: WorkspaceClient


def person(admin: WorkspaceClient, **config: float) -> Person:
    made = admin.service_principals.create(display_name=f"person-{uuid.uuid4().hex[:6]}")
    token = admin.token_management.create_obo_token(made.application_id or "", comment="test").token_value
    client = WorkspaceClient(host=admin.config.host, token=token, auth_type="pat", **config)
    return Person(made.id or "", made.application_id or "", client)


def group(admin: WorkspaceClient, *members: Person) -> tuple[str, str]:
    """The id and the name of a new group."""
    name = f"group-{uuid.uuid4().hex[:6]}"
    made = admin.groups.create(display_name=name, members=[ComplexValue(value=one.id) for one in members])
    return made.id or "", name
