"""The AI gateway of an endpoint: rate limits and an inference table, of the vendor's newer kind."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from databricks.sdk.service.serving import AiGatewayConfig, AiGatewayRateLimit

from brickyard.workspace.api.errors import InvalidParameterValue
from brickyard.workspace.api.shape import check_shape
from brickyard.workspace.serving.capture_settings import CaptureConfig
from brickyard.workspace.serving.config import refuse_unsupported
from brickyard.workspace.serving.limits import Limit, parse_limits

__all__ = ["Gateway"]

_FIELDS = ("inference_table_config", "rate_limits", "fallback_config")


@dataclass(frozen=True)
class Gateway:
    """What is supported of it.

    Attributes:
        written: As the caller wrote it.
        limits: The rate limits.
        capture: The inference table.
        falls_back: Whether other served entities are asked where one answers with an error of the server.
    """

    written: Mapping[str, Any]
    limits: tuple[Limit, ...] = ()
    capture: CaptureConfig | None = None
    falls_back: bool = False

    @classmethod
    def parse(cls, given: Any, endpoint: str) -> Gateway:
        """Read `ai_gateway`.

        Raises:
            InvalidParameterValue: A field is wrong.
            NotImplementedByWorkspace: A field is not supported here.
        """
        check_shape(AiGatewayConfig, given or {}, "ai_gateway")
        body = {name: value for name, value in (given or {}).items() if not _off(name, value)}
        refuse_unsupported("ai_gateway", body, _FIELDS)
        field = "ai_gateway.inference_table_config"
        capture = CaptureConfig.parse(body.get("inference_table_config"), endpoint, field, gateway=True)
        limits = parse_limits(body.get("rate_limits"), "ai_gateway.rate_limits", AiGatewayRateLimit)
        falls_back = bool((body.get("fallback_config") or {}).get("enabled"))
        return cls({name: body[name] for name in _FIELDS if body.get(name)}, limits, capture, falls_back)

    def require_one_table(self, other: CaptureConfig | None) -> None:
        """Refuse a table of the gateway beside one of `auto_capture_config`.

        Raises:
            InvalidParameterValue: Both are enabled.
        """
        if self.capture is not None and self.capture.enabled and other is not None and other.enabled:
            raise InvalidParameterValue(
                "An endpoint has one inference table: turn off config.auto_capture_config, or "
                "ai_gateway.inference_table_config."
            )


def _off(name: str, value: Any) -> bool:
    """Whether a field turns off what is not there."""
    return name == "usage_tracking_config" and isinstance(value, Mapping) and not value.get("enabled")
