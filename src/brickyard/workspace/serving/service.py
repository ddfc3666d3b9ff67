"""Serving endpoints: kept in the database, served by processes, followed to where their aliases point."""

from __future__ import annotations

import re
import shutil
import threading
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from databricks.sdk.service.serving import RateLimit

from brickyard.workspace.api.errors import (
    ApiError,
    InvalidParameterValue,
    InvalidState,
    PermissionDenied,
    ResourceConflict,
    ResourceDoesNotExist,
    TemporarilyUnavailable,
)
from brickyard.workspace.api.shape import check_shape
from brickyard.workspace.identity.permissions import Securable
from brickyard.workspace.serving import views
from brickyard.workspace.serving.capturing import Capturing
from brickyard.workspace.serving.config import EndpointConfig, Variable, refuse_unsupported
from brickyard.workspace.serving.endpoint import Endpoint
from brickyard.workspace.serving.environment import scopes_of
from brickyard.workspace.serving.gateway import Gateway
from brickyard.workspace.serving.inspection import Inspection
from brickyard.workspace.serving.limits import parse_limits
from brickyard.workspace.serving.notices import check_mails
from brickyard.workspace.serving.records import EndpointRecord, EndpointRecords
from brickyard.workspace.serving.routing import Request, route
from brickyard.workspace.serving.settings import EndpointSettings

if TYPE_CHECKING:
    from databricks.sdk.service.serving import ServingEndpoint, ServingEndpointDetailed

    from brickyard.workspace.identity import Principal
    from brickyard.workspace.identity.permissions import Permissions
    from brickyard.workspace.serving.capture_settings import CaptureConfig
    from brickyard.workspace.serving.channel import Reply
    from brickyard.workspace.serving.environment import SecretValues
    from brickyard.workspace.serving.payload_table import Tables
    from brickyard.workspace.serving.replica import Replica, Status
    from brickyard.workspace.serving.wanted import ModelVersions
    from brickyard.workspace.store import Store

__all__ = ["Serving"]

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,62}")
_CREATE_FIELDS = frozenset(
    {"name", "config", "tags", "description", "rate_limits", "ai_gateway", "email_notifications"}
)


@dataclass(frozen=True)
class _Tag:
    key: str
    value: str | None = None


@dataclass(frozen=True)
class _TagChanges:
    """The types of what `tags` is sent."""

    add_tags: list[_Tag] | None = None
    delete_tags: list[str] | None = None


@dataclass(frozen=True)
class _Create:
    """The types of what `create` is sent; `config` and `ai_gateway` are checked where they are read."""

    name: str
    config: dict[str, Any] | None = None
    rate_limits: list[RateLimit] | None = None
    tags: list[_Tag] | None = None
    description: str | None = None


class Serving:
    """The endpoints of one workspace.

    Attributes:
        inspect: Tells of them.

    Args:
        store: The workspace's database.
        models: The model registry.
        secrets: What environment variables of endpoints may refer to.
        permissions: What is granted on endpoints.
        tables: Where inference tables are.
        directory: For sockets and logs of scoring processes.
        url: The workspace's address.
        wake: Called where people are to be told of an endpoint.
    """

    def __init__(
        self,
        store: Store,
        models: ModelVersions,
        secrets: SecretValues,
        permissions: Permissions,
        tables: Tables,
        directory: Path,
        url: str,
        wake: Callable[[], None],
    ) -> None:
        self._records = EndpointRecords(store, wake)
        self._models = models
        self._secrets = secrets
        self._permissions = permissions
        self._tables = tables
        self._directory = directory
        self._url = url
        self._endpoints: dict[str, Endpoint] = {}
        self._closed = False
        self._lock = threading.RLock()
        self.inspect = Inspection(self._found, self._records, models, url)
        directory.mkdir(parents=True, exist_ok=True, mode=0o700)

    def recover(self) -> None:
        """Serve again what the database has."""
        with self._lock:
            records = self._records.all()
            for left in {path.name for path in self._directory.iterdir()} - {record.id for record in records}:
                shutil.rmtree(self._directory / left, ignore_errors=True)  # of an endpoint that was being deleted
            for record in records:
                self._endpoint(record)

    def close(self) -> None:
        """End every scoring process."""
        with self._lock:
            endpoints, self._endpoints, self._closed = list(self._endpoints.values()), {}, True
        threads = [threading.Thread(target=endpoint.stop, args=(2.0,)) for endpoint in endpoints]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

    def alias_changed(self, model: str, alias: str, version: int | None) -> None:
        """Take the news of the registry; endpoints that follow this alias look for themselves."""
        with self._lock:
            endpoints = list(self._endpoints.values())
        for endpoint in endpoints:
            endpoint.alias_changed(model, alias)

    def securable(self, name: str) -> Securable:
        """An endpoint as permissions know it.

        Raises:
            ResourceDoesNotExist: There is no endpoint of that name.
        """
        endpoint = self._endpoints.get(name)  # first, for requests to a model wait for nothing
        return _securable(self._records.get(name).id if endpoint is None else endpoint.id)

    def securable_with_id(self, endpoint_id: str) -> Securable:
        """The endpoint with an id, as permissions know it.

        Raises:
            ResourceDoesNotExist: There is none.
        """
        if all(record.id != endpoint_id for record in self._records.all()):
            raise ResourceDoesNotExist(f"Endpoint with id '{endpoint_id}' does not exist.")
        return _securable(endpoint_id)

    def create(self, body: Mapping[str, Any], creator: Principal) -> ServingEndpointDetailed:
        """Create an endpoint; it loads its models after this returns."""
        check_shape(_Create, body)
        refuse_unsupported("endpoint", body, _CREATE_FIELDS)
        name = str(body.get("name") or "")
        if not _NAME.fullmatch(name):
            raise InvalidParameterValue(f"an endpoint's name has letters, digits, `_` and `-`; got '{name}'")
        config = EndpointConfig.parse(body.get("config") or {}, name)
        self._require_secrets(creator, config.variables())
        tags = _tags(body.get("tags"))
        EndpointSettings.parse(tags)
        limits, gateway = body.get("rate_limits"), Gateway.parse(body.get("ai_gateway"), name)
        parse_limits(limits, "rate_limits", RateLimit)
        gateway.require_one_table(config.capture)
        mails = check_mails(body.get("email_notifications"))
        with self._lock:
            description = body.get("description")
            record = self._records.create(
                name,
                creator.user_name,
                config,
                tags=tags,
                description=description,
                rate_limits=limits,
                gateway=gateway,
                mails=mails,
            )
            try:
                self._prepare_tables(record.id, creator.user_name, config.capture, gateway.capture)
            except BaseException:
                self._records.delete(name)
                raise
            self._permissions.grant(_securable(record.id), creator.id, "CAN_MANAGE")
            self._records.events(record.id).add("CREATED", f"created by {creator.user_name}")
            return self._detailed(record, self._endpoint(record).status)

    def get(self, name: str) -> ServingEndpointDetailed:
        """One endpoint."""
        with self._lock:
            record = self._records.get(name)
            return self._detailed(record, self._endpoint(record).status)

    def all(self, principal: Principal) -> list[ServingEndpoint]:
        """Every endpoint that a principal may see, by name."""
        only = self._permissions.granted_to(principal, "serving-endpoints")
        with self._lock:
            records = [record for record in self._records.all() if only is None or record.id in only]
            return [views.summary(record, self._endpoint(record).status) for record in records]

    def update_config(self, name: str, body: Mapping[str, Any], by: Principal) -> ServingEndpointDetailed:
        """Put another configuration in place; the old one serves until the new one answers.

        Raises:
            PermissionDenied: It refers to a secret where the endpoint did not before, and `by` may not read it; or
                who made the endpoint may not execute a model.
            ResourceConflict: The last change is still under way.
        """
        with self._lock:
            record = self._records.get(name)
            config = EndpointConfig.parse(body, name, record.config)
            record.gateway.require_one_table(config.capture)
            pending = record.pending.variables() if record.pending else frozenset()
            self._require_secrets(by, config.variables() - record.config.variables() - pending)
            self._require_models(record.creator, config)
            endpoint = self._endpoint(record)
            if endpoint.status.loading:
                raise ResourceConflict(f"Endpoint '{name}' is being updated; wait until its state is NOT_UPDATING.")
            self._prepare_tables(record.id, record.creator, config.capture)
            record = self._records.put_pending(name, config)
            endpoint.events.add("UPDATE_STARTED", f"updated by {by.user_name}")
            endpoint.announce()
            return self._detailed(record, endpoint.status)

    def patch_tags(self, name: str, body: Mapping[str, Any], by: Principal) -> EndpointRecord:
        """Add and delete tags."""
        check_shape(_TagChanges, body)
        with self._lock:
            before = self._records.get(name).tags
            tags = {**before, **_tags(body.get("add_tags"))}
            for key in body.get("delete_tags") or []:
                tags.pop(key, None)
            settings = EndpointSettings.parse(tags)
            record = self._records.put_tags(name, tags)
            endpoint = self._endpoint(record)
            endpoint.set(settings)
            changed = [
                f"{key}={tags.get(key, '')}" for key in sorted({*before, *tags}) if before.get(key) != tags.get(key)
            ]
            endpoint.events.add("TAGS_CHANGED", f"{', '.join(changed) or 'nothing'}, by {by.user_name}")
            return record

    def put_rate_limits(self, name: str, body: Mapping[str, Any], by: Principal) -> EndpointRecord:
        """Replace the rate limits of the older kind."""
        limits = body.get("rate_limits")
        parse_limits(limits, "rate_limits", RateLimit)
        with self._lock:
            self._records.get(name)
            return self._changed(self._records.put_rate_limits(name, limits or []), "RATE_LIMITS_CHANGED", by)

    def update_notifications(self, name: str, body: Mapping[str, Any], by: Principal) -> EndpointRecord:
        """Replace who is told how updates end; nothing changes where the body does not say who."""
        mails = check_mails(body.get("email_notifications"))
        with self._lock:
            record = self._records.get(name)
            if body.get("email_notifications") is None:
                return record
            return self._changed(self._records.put_mails(name, mails), "NOTIFICATIONS_CHANGED", by)

    def put_ai_gateway(self, name: str, body: Mapping[str, Any], by: Principal) -> EndpointRecord:
        """Replace the AI gateway."""
        gateway = Gateway.parse(body, name)
        with self._lock:
            record = self._records.get(name)
            gateway.require_one_table((record.pending or record.config).capture)
            if gateway.capture is not None:
                gateway.capture.require_same_place(record.gateway.capture)
            self._prepare_tables(record.id, record.creator, gateway.capture)
            return self._changed(self._records.put_gateway(name, gateway), "AI_GATEWAY_CHANGED", by)

    def _changed(self, record: EndpointRecord, event: str, by: Principal) -> EndpointRecord:
        endpoint = self._endpoint(record)
        endpoint.limiter.replace(record.limits)
        endpoint.falls_back = record.gateway.falls_back
        endpoint.events.add(event, f"changed by {by.user_name}")
        endpoint.look()
        return record

    def delete(self, name: str) -> None:
        """Stop serving and forget the endpoint."""
        with self._lock:
            record = self._records.get(name)
            self._records.delete(name)
            endpoint = self._endpoints.pop(name, None)
        self._permissions.forget(_securable(record.id))
        if endpoint is not None:
            endpoint.stop()
        self._records.events(record.id).forget()  # last, for its thread writes to them
        shutil.rmtree(self._directory / record.id, ignore_errors=True)

    async def query(self, name: str, request: Request, principal: Principal) -> tuple[Replica, Reply]:
        """Let the endpoint's model answer.

        Raises:
            RequestLimitExceeded: The endpoint or the caller has asked too often.
            ResourceDoesNotExist: There is no such endpoint.
            InvalidState: It waits for its model, or its model cannot be loaded.
            TemporarilyUnavailable: Its process is starting, was given up, or died of this request.
        """
        endpoint = self._endpoints.get(name) or self._found(name)
        endpoint.limiter.require(principal, name)
        answer = await route(endpoint, request)
        if answer is None:
            raise self._not_ready(endpoint)
        return answer

    def _prepare_tables(self, endpoint_id: str, owner: str, *configs: CaptureConfig | None) -> None:
        for config in configs:
            if config is not None and config.enabled:
                self._tables.prepare(config, endpoint_id, owner)

    def _require_secrets(self, principal: Principal, variables: Iterable[Variable]) -> None:
        """Refuse variables that refer to secrets which a principal may not read: a model can tell what it is given."""
        for scope in scopes_of(variable.value for variable in variables):
            self._secrets.require_read(principal, scope)

    def _require_models(self, creator: str, config: EndpointConfig) -> None:
        """Refuse models that an endpoint's maker may not execute, as they are served with these rights."""
        for entity in config.entities:
            try:
                self._models.require_execute(creator, entity.model)
            except PermissionDenied as error:
                raise PermissionDenied(f"{error.message} It is served with the rights of who made it.") from error
            except ApiError:
                continue  # there is no such model yet, which the endpoint waits for

    def _not_ready(self, endpoint: Endpoint) -> InvalidState | TemporarilyUnavailable:
        status = endpoint.status
        if status.stopped:
            return TemporarilyUnavailable(f"The endpoint '{endpoint.name}' is being stopped.")
        message = (
            f"The endpoint '{endpoint.name}' is not ready: {views.reason(self._records.get(endpoint.name), status)}."
        )
        return TemporarilyUnavailable(message) if status.loading else InvalidState(message)

    def _found(self, name: str) -> Endpoint:
        with self._lock:
            return self._endpoint(self._records.get(name))

    def _endpoint(self, record: EndpointRecord) -> Endpoint:
        """The endpoint of a record that was read under the lock, so that none is made for a deleted one."""
        endpoint = self._endpoints.get(record.name)
        if endpoint is None:
            if self._closed:
                raise TemporarilyUnavailable("The workspace is being stopped.")
            capturing = Capturing(self._tables, record.id, EndpointSettings.kept(record.tags).capture)
            directory = self._directory / record.id
            endpoint = Endpoint(record, self._records, self._models, self._secrets, capturing, directory)
            self._endpoints[record.name] = endpoint
        return endpoint

    def _detailed(self, record: EndpointRecord, status: Status) -> ServingEndpointDetailed:
        return views.detailed(record, status, self._endpoint(record).capturing.state, self._url)


def _tags(given: Any) -> dict[str, str | None]:
    if given is None:
        return {}
    if not isinstance(given, list) or any(not isinstance(tag, Mapping) or not tag.get("key") for tag in given):
        raise InvalidParameterValue("tags must be a list of objects with a key and a value")
    return {str(tag["key"]): tag.get("value") for tag in given}


def _securable(endpoint_id: str) -> Securable:
    return Securable("serving-endpoints", endpoint_id)
