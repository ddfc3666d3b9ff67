"""Secrets in environment variables: in the scoring process and nowhere else."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from brickyard.workspace.api.errors import InvalidParameterValue, NotImplementedByWorkspace
from brickyard.workspace.serving.environment import parse_environment
from tests.support import wait_for
from tests.workspace.serving.conftest import ADMIN, ME, MODEL, Bench

CANARY = "canary-of-the-endpoint-7319"
REFERENCE = "{{secrets/bank/pin}}"


def config(value: str) -> dict[str, Any]:
    return {"served_entities": [{"entity_name": MODEL, "entity_version": "1", "environment_vars": {"PIN": value}}]}


def create(bench: Bench, value: str) -> None:
    bench.serving.create({"name": "teller", "config": config(value)}, ME)


def answer(bench: Bench) -> int:
    _, reply = bench.ask("teller", pd.DataFrame({"a": [1.0]}))
    assert reply.status == 200, reply.body
    return int(json.loads(reply.body)["predictions"][0])


def shown(bench: Bench) -> str:
    """Everything that the API shows of the endpoint."""
    return json.dumps([bench.serving.get("teller").as_dict(), *(one.as_dict() for one in bench.serving.all(ADMIN))])


def failed(bench: Bench) -> Any:
    return wait_for(
        lambda: (got := bench.serving.get("teller")).state.config_update.value == "UPDATE_FAILED" and got, seconds=60
    )


def files_with(root: Path, value: str) -> list[str]:
    return [str(path) for path in root.rglob("*") if path.is_file() and value.encode() in path.read_bytes()]


def test_the_value_reaches_the_model_and_nothing_else(bench: Bench, teller: Path) -> None:
    bench.secrets.values["bank", "pin"] = CANARY.encode()
    bench.register(1, teller)
    create(bench, REFERENCE)
    bench.wait_ready("teller", 1)
    assert answer(bench) == sum(CANARY.encode())
    _, refused = bench.ask("teller", pd.DataFrame({"a": [-1.0]}))
    assert refused.status == 400
    assert "asked with [REDACTED]" in refused.body.decode()
    log = next((bench.directory / "serving").rglob("*.log"))
    wait_for(lambda: "loading with [REDACTED]" in log.read_text())
    assert REFERENCE in shown(bench)
    assert CANARY not in shown(bench) + refused.body.decode()
    assert files_with(bench.directory, CANARY) == []


def test_a_missing_secret_fails_the_update_and_the_old_configuration_goes_on(bench: Bench, teller: Path) -> None:
    bench.register(1, teller)
    create(bench, "plain")
    bench.wait_ready("teller", 1)
    bench.serving.update_config("teller", config(REFERENCE), ME)
    got = failed(bench)
    state = got.pending_config.served_entities[0].state
    assert "environment_vars.PIN: Secret does not exist with scope: bank and key: pin" in state.deployment_state_message
    assert (got.state.ready.value, got.config.served_entities[0].environment_vars) == ("READY", {"PIN": "plain"})
    assert answer(bench) == sum(b"plain")


def test_the_secret_is_read_with_the_rights_of_who_made_the_endpoint(bench: Bench, teller: Path) -> None:
    bench.secrets.values["bank", "pin"] = CANARY.encode()
    bench.secrets.refused = {ME.user_name}
    bench.register(1, teller)
    create(bench, REFERENCE)
    reason = failed(bench).pending_config or failed(bench).config
    assert f"environment_vars.PIN: {ME.user_name} does not have READ permission on scope bank" in json.dumps(
        reason.as_dict()
    )


def test_an_update_takes_the_secret_as_it_is_then(bench: Bench, teller: Path) -> None:
    bench.secrets.values["bank", "pin"] = b"first"
    bench.register(1, teller)
    create(bench, REFERENCE)
    bench.wait_ready("teller", 1)
    bench.secrets.values["bank", "pin"] = b"second"
    bench.serving.update_config("teller", config(REFERENCE), ME)
    wait_for(lambda: bench.serving.get("teller").config.config_version == 2, seconds=60)
    assert answer(bench) == sum(b"second")


def test_the_reason_of_a_failure_does_not_tell_the_secret(bench: Bench, teller: Path) -> None:
    bench.secrets.values["bank", "pin"] = f"bad{CANARY}".encode()
    bench.register(1, teller)
    create(bench, REFERENCE)
    failed(bench)
    assert "the pin [REDACTED] is wrong" in shown(bench)
    assert CANARY not in shown(bench)
    assert files_with(bench.directory, CANARY) == []


def test_values_are_text() -> None:
    assert parse_environment({"A": "x", "B": 1, "C": True}) == {"A": "x", "B": "1", "C": "true"}
    for odd in (None, [], {}, "a\0b"):
        with pytest.raises(InvalidParameterValue, match=r"environment_vars\.A must be a string"):
            parse_environment({"A": odd})


@pytest.mark.parametrize("value", ["x{{secrets/bank/pin}}", "{{secrets/bank}}", "{{secrets/a/b/c}}"])
def test_only_a_whole_value_can_be_a_reference(bench: Bench, value: str) -> None:
    with pytest.raises(NotImplementedByWorkspace, match=r"environment_vars.PIN must be exactly \{\{secrets/SCOPE/KEY"):
        create(bench, value)
