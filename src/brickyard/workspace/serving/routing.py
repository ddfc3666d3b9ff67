"""The way of a request: to a replica by the shares of traffic, back with its answer, and into the record of both."""

from __future__ import annotations

import json
import time
import uuid
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from brickyard.workspace.api.errors import TemporarilyUnavailable
from brickyard.workspace.clock import now
from brickyard.workspace.serving.capture import Exchange
from brickyard.workspace.serving.channel import ChannelClosed, ForwardFailed, Reply

if TYPE_CHECKING:
    from brickyard.workspace.serving.endpoint import Endpoint
    from brickyard.workspace.serving.replica import Replica

__all__ = ["Request", "ask", "route"]


@dataclass(frozen=True)
class Request:
    """A request to an endpoint.

    Attributes:
        body: Its body.
        content_type: The media type of the body.
        accept: The media types that the caller takes; empty where it does not say.
        entity: The served entity that is to answer, whatever the shares of traffic; none where these say it.
        id: What it is called in the answer and in the inference table.
        requester: Who asks.
    """

    body: bytes = field(repr=False)
    content_type: str
    id: str = field(default_factory=lambda: str(uuid.uuid4()))
    requester: str = ""
    accept: str = ""
    entity: str | None = None


async def route(endpoint: Endpoint, request: Request) -> tuple[Replica, Reply] | None:
    """Let an endpoint answer; nothing where nothing serves.

    Raises:
        ResourceDoesNotExist: It does not serve the entity that is to answer.
        TemporarilyUnavailable: Whoever was to answer was given up, died of this request, or took too long.
    """
    while True:
        replica = endpoint.choose() if request.entity is None else endpoint.named(request.entity)
        if replica is None:
            return None
        others = endpoint.fallbacks(replica) if request.entity is None else []
        answer = await _answer(endpoint, [replica, *others], request)
        if answer is not None:
            endpoint.mirror(request, *answer)
            return answer


async def _answer(endpoint: Endpoint, replicas: list[Replica], request: Request) -> tuple[Replica, Reply] | None:
    """The first answer that is no error of the server, or else the last; nothing where replicas were replaced."""
    *others, last = replicas
    for replica in others:
        try:
            reply = await ask(endpoint, replica, request)
        except TemporarilyUnavailable:
            continue
        if reply is None or reply.status < 500:
            return None if reply is None else (replica, reply)
    reply = await ask(endpoint, last, request)
    return None if reply is None else (last, reply)


async def ask(endpoint: Endpoint, replica: Replica, request: Request, *, shadow: bool = False) -> Reply | None:
    """Ask a replica and record its answer; nothing where it was replaced since it was chosen.

    Raises:
        TemporarilyUnavailable: The process was given up, died of this request, or took too long.
    """
    record = _recorder(endpoint, replica, request, shadow=shadow)
    try:
        if replica.process.failure is not None:
            raise ForwardFailed(
                f"its served entity '{replica.entity.name}' was given up, until the endpoint is changed: "
                f"{replica.process.failure}"
            )
        reply = await replica.process.ask(request.body, request.content_type, request.accept)
    except ChannelClosed:
        return None
    except ForwardFailed as error:
        failure = TemporarilyUnavailable(f"The endpoint '{endpoint.name}' could not answer: {error}.")
        record(failure.status, json.dumps(failure.body()).encode())
        raise failure from error
    record(reply.status, reply.body)
    return reply


def _recorder(
    endpoint: Endpoint, replica: Replica, request: Request, *, shadow: bool = False
) -> Callable[[int, bytes], None]:
    """What takes the answer to a request, a status and a body, to the record; the time counts from now."""
    at, begun = now(), time.perf_counter()
    metadata = {"endpoint_name": endpoint.name, "served_entity_name": replica.entity.name}
    metadata |= {"model_name": replica.entity.model, "model_version": str(replica.version)}
    metadata |= {"shadow": "true"} if shadow else {}

    def record(status: int, response: bytes) -> None:
        spent = (time.perf_counter() - begun) * 1000
        kind, requester = request.content_type, request.requester
        endpoint.record(
            replica, Exchange(request.id, at, status, spent, request.body, kind, response, metadata, requester), shadow
        )

    return record
