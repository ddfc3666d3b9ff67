"""Notification destinations."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from databricks.sdk import WorkspaceClient
from databricks.sdk.errors import (
    InvalidParameterValue,
    NotImplemented,
    PermissionDenied,
    ResourceAlreadyExists,
    ResourceDoesNotExist,
)
from databricks.sdk.service.settings import (
    Config,
    DestinationType,
    EmailConfig,
    GenericWebhookConfig,
    MicrosoftTeamsConfig,
    NotificationDestinationsAPI,
    PagerdutyConfig,
    SlackConfig,
)

from tests.workspace.calls.conftest import Robot

FAMILIES = (NotificationDestinationsAPI,)
HOOK = GenericWebhookConfig(url="https://example.net/hook/s3cret", username="me", password="s3cret")


def test_every_operation(w: WorkspaceClient, robot: Robot, name: Callable[[], str]) -> None:
    made = w.notification_destinations.create(display_name=name(), config=Config(generic_webhook=HOOK))
    assert made.id is not None
    assert made.destination_type is DestinationType.WEBHOOK
    found = w.notification_destinations.get(made.id)
    assert found.config is not None
    assert found.config.as_dict() == {"generic_webhook": {"url_set": True, "username_set": True, "password_set": True}}
    other = w.notification_destinations.create(
        display_name=name(), config=Config(email=EmailConfig(addresses=["a@example.net"]))
    )
    assert other.config is not None
    assert other.config.as_dict() == {"email": {"addresses": ["a@example.net"]}}
    listed = list(w.notification_destinations.list(page_size=1))
    assert {made.id, other.id} <= {one.id for one in listed}
    changed = w.notification_destinations.update(made.id, display_name=(renamed := name()))
    assert changed.display_name == renamed
    hook = Config(generic_webhook=GenericWebhookConfig(url="https://example.net/"))
    changed = w.notification_destinations.update(made.id, config=hook)
    assert changed.config is not None
    assert changed.config.as_dict() == {
        "generic_webhook": {"url_set": True, "username_set": False, "password_set": False}
    }
    assert robot.client.notification_destinations.get(made.id).config is None
    for one in (made, other):
        w.notification_destinations.delete(one.id or "")
    with pytest.raises(ResourceDoesNotExist):
        w.notification_destinations.get(made.id)


def test_refusals(w: WorkspaceClient, robot: Robot, name: Callable[[], str]) -> None:
    api, title = w.notification_destinations, name()
    with pytest.raises(NotImplemented):
        api.create(display_name=title, config=Config(pagerduty=PagerdutyConfig("key")))
    with pytest.raises(NotImplemented):
        api.create(display_name=title, config=Config(slack=SlackConfig(oauth_token="t", channel_id="c")))
    for config in (
        Config(),
        Config(generic_webhook=HOOK, slack=SlackConfig(url="https://example.net/")),
        Config(microsoft_teams=MicrosoftTeamsConfig(url="ftp://example.net/")),
        Config(email=EmailConfig(addresses=["nobody"])),
    ):
        with pytest.raises(InvalidParameterValue):
            api.create(display_name=title, config=config)
    with pytest.raises(InvalidParameterValue):
        api.create(config=Config(generic_webhook=HOOK))
    made = api.create(display_name=title, config=Config(generic_webhook=HOOK))
    with pytest.raises(ResourceAlreadyExists):
        api.create(display_name=title, config=Config(generic_webhook=HOOK))
    with pytest.raises(InvalidParameterValue):
        api.update(made.id or "", config=Config(slack=SlackConfig(url="https://example.net/")))
    with pytest.raises(PermissionDenied):
        robot.client.notification_destinations.create(display_name=name(), config=Config(generic_webhook=HOOK))
    for refused in (api.get, api.delete):
        with pytest.raises(ResourceDoesNotExist):
            refused("nowhere")
    with pytest.raises(PermissionDenied):
        robot.client.notification_destinations.delete(made.id or "")
    api.delete(made.id or "")
