"""The way of a request: to a replica by the shares of traffic, back with its answer, and into the record of both."""

from __future__ import annotations

import json
import time
import uuid
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from brickyard.workspace.api.errors import TemporarilyUnavailable
from brickyard.workspace.clock import now
from brickyard.workspace.serving.capture import Exchange
from brickyard.workspace.serving.channel import ChannelClosed, ForwardFailed, Reply

if TYPE_CHECKING:
    from brickyard.workspace.serving.endpoint import Endpoint, Replica

__all__ = ["Request", "route"]


@dataclass(frozen=True)
class Request:
    """A request to an endpoint.

    Attributes:
        body: Its body.
        content_type: The media type of the body.
        id: What it is called in the answer and in the inference table.
        requester: Who asks.
    """

    body: bytes = field(repr=False)
    content_type: str
    id: str = field(default_factory=lambda: str(uuid.uuid4()))
    requester: str = ""


async def route(endpoint: Endpoint, request: Request) -> tuple[Replica, Reply] | None:
    """Let an endpoint answer; nothing where nothing serves.

    Raises:
        TemporarilyUnavailable: The process died of this request, or took too long.
    """
    while True:
        replica = endpoint.choose()
        if replica is None or replica.process.failure is not None:
            return None
        at, begun = now(), time.perf_counter()
        try:
            reply = await replica.process.ask(request.body, request.content_type)
        except ChannelClosed:
            continue  # it was replaced since it was chosen
        except ForwardFailed as error:
            failure = TemporarilyUnavailable(f"The endpoint '{endpoint.name}' could not answer: {error}.")
            body = json.dumps(failure.body()).encode()
            endpoint.record(replica, _exchange(endpoint, replica, request, (at, begun), failure.status, body))
            raise failure from error
        endpoint.record(replica, _exchange(endpoint, replica, request, (at, begun), reply.status, reply.body))
        return replica, reply


def _exchange(
    endpoint: Endpoint, replica: Replica, request: Request, begun: tuple[int, float], status: int, response: bytes
) -> Exchange:
    metadata = {"endpoint_name": endpoint.name, "served_entity_name": replica.entity.name}
    metadata |= {"model_name": replica.entity.model, "model_version": str(replica.version)}
    return Exchange(
        request.id,
        begun[0],
        status,
        (time.perf_counter() - begun[1]) * 1000,
        request.body,
        request.content_type,
        response,
        metadata,
        request.requester,
    )
