"""What a statement's request means, where fields depend on each other."""

from __future__ import annotations

import pytest

from brickyard.workspace.api.errors import InvalidParameterValue
from brickyard.workspace.sql.requests import statement_request

_BODY = {"statement": "SELECT 1", "warehouse_id": "1", "on_wait_timeout": "CANCEL"}


def test_a_call_that_does_not_wait_ignores_on_wait_timeout() -> None:
    asynchronous = statement_request(_BODY | {"wait_timeout": "0s"})
    assert (asynchronous.wait_seconds, asynchronous.cancels) == (0.0, False)
    assert statement_request(_BODY | {"wait_timeout": "5s"}).cancels
    with pytest.raises(InvalidParameterValue, match="wait_timeout"):
        statement_request(_BODY | {"wait_timeout": "1s"})
