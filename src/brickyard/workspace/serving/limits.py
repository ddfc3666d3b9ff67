"""Rate limits: how many calls a minute an endpoint takes, of all, of each caller, or of one."""

from __future__ import annotations

import math
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from databricks.sdk.service.serving import AiGatewayRateLimit, RateLimit

from brickyard.workspace.api.errors import InvalidParameterValue, NotImplementedByWorkspace, RequestLimitExceeded
from brickyard.workspace.api.shape import check_shape

if TYPE_CHECKING:
    from brickyard.workspace.identity import Principal

__all__ = ["Limit", "Limiter", "parse_limits"]

_PERIOD_SECONDS = 60.0
_OF_ALL = "endpoint"
_OF_EACH = "user"
_OF_ONE = ("user", "service_principal")


@dataclass(frozen=True)
class Limit:
    """Calls a minute.

    Attributes:
        calls: How many.
        key: Of whom: `endpoint` is of all together, `user` of each caller or of the one that is named.
        principal: The user's name or the application id of a service principal, or none.
    """

    calls: int
    key: str
    principal: str | None = None

    def __str__(self) -> str:
        of = "of all" if self.key == _OF_ALL else f"of {self.principal or 'each caller'}"
        return f"{self.calls} calls a minute {of}"


def parse_limits(given: Any, field: str, kind: type[RateLimit | AiGatewayRateLimit]) -> tuple[Limit, ...]:
    """Read `rate_limits`.

    Raises:
        InvalidParameterValue: A limit is wrong.
        NotImplementedByWorkspace: It is of tokens, or of groups.
    """
    if given is None:
        return ()
    if not isinstance(given, list):
        raise InvalidParameterValue(f"{field} must be a list")
    return tuple(_limit(item, f"{field}[{place}]", kind) for place, item in enumerate(given))


def _limit(item: Any, field: str, kind: type[RateLimit | AiGatewayRateLimit]) -> Limit:
    check_shape(kind, item, field)
    key, principal, calls = item.get("key") or _OF_ALL, item.get("principal"), item.get("calls")
    if item.get("tokens") is not None or key == "user_group":
        what = "tokens" if item.get("tokens") is not None else "key user_group"
        raise NotImplementedByWorkspace(f"serving endpoints: the local workspace does not support {field}.{what}")
    if item.get("renewal_period") != "minute":
        raise InvalidParameterValue(f"{field}.renewal_period must be 'minute'; got {item.get('renewal_period')!r}")
    if key not in (_OF_ALL, *_OF_ONE) or (kind is RateLimit and key not in (_OF_ALL, _OF_EACH)):
        raise InvalidParameterValue(f"{field}.key must be 'endpoint' or 'user'; got {key!r}")
    if key == "service_principal" and not principal:
        raise InvalidParameterValue(f"{field}.principal must name the service principal by its application id")
    if not isinstance(calls, int) or calls < 0:
        raise InvalidParameterValue(f"{field}.calls must be a whole number of at least 0; got {calls!r}")
    return Limit(calls, key, principal if key in _OF_ONE else None)


class Limiter:
    """Counts the calls of an endpoint, by minutes that begin with a first call."""

    def __init__(self, limits: Sequence[Limit] = ()) -> None:
        self._limits = tuple(limits)
        self._counts: dict[tuple[Limit, str], tuple[float, int]] = {}
        self._lock = threading.Lock()

    def replace(self, limits: Sequence[Limit]) -> None:
        """Follow other limits; what was counted for those that stay goes on."""
        with self._lock:
            self._limits = tuple(limits)
            self._counts = {key: count for key, count in self._counts.items() if key[0] in self._limits}

    def require(self, principal: Principal, endpoint: str) -> None:
        """Count a call.

        Raises:
            RequestLimitExceeded: It is one too many; it is not counted.
        """
        if not self._limits:
            return
        at = time.monotonic()
        with self._lock:
            counts = {(limit, whose): self._count(limit, whose, at) for limit, whose in self._of(principal)}
            for (limit, _), (begun, calls) in counts.items():
                if calls >= limit.calls:
                    raise _exceeded(endpoint, limit, begun + _PERIOD_SECONDS - at)
            self._counts |= {key: (begun, calls + 1) for key, (begun, calls) in counts.items()}

    def _of(self, principal: Principal) -> list[tuple[Limit, str]]:
        """The limits of a call: one that names its caller takes the place of the one of each caller."""
        name = principal.user_name
        own = [limit for limit in self._limits if limit.principal == name]
        each = [limit for limit in self._limits if limit.key == _OF_EACH and limit.principal is None]
        of_all = [limit for limit in self._limits if limit.key == _OF_ALL]
        return [*((limit, "") for limit in of_all), *((limit, name) for limit in own or each)]

    def _count(self, limit: Limit, whose: str, at: float) -> tuple[float, int]:
        begun, calls = self._counts.get((limit, whose), (at, 0))
        return (begun, calls) if at - begun < _PERIOD_SECONDS else (at, 0)


def _exceeded(endpoint: str, limit: Limit, seconds: float) -> RequestLimitExceeded:
    whose = "endpoint" if limit.key == _OF_ALL else "user"
    error = RequestLimitExceeded(
        f"Exceeded {whose} rate limit of {limit.calls} calls per minute for endpoint '{endpoint}'. Try again in "
        f"{math.ceil(seconds)} seconds."
    )
    error.retry_after = max(1, math.ceil(seconds))
    return error
