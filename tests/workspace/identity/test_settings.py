"""Settings of the workspace, and what they do."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from databricks.sdk import WorkspaceClient
from databricks.sdk.errors import BadRequest, InvalidParameterValue, NotFound, NotImplemented


@pytest.fixture
def conf(w: WorkspaceClient) -> Iterator[WorkspaceClient]:
    """A client whose test may change the settings of tokens."""
    yield w
    w.workspace_conf.set_status({"enableTokensConfig": "true", "maxTokenLifetimeDays": "0"})


def test_settings_are_read_by_name(w: WorkspaceClient) -> None:
    found = w.workspace_conf.get_status("enableTokensConfig, maxTokenLifetimeDays,enableIpAccessLists")
    assert found == {"enableTokensConfig": "true", "maxTokenLifetimeDays": "0", "enableIpAccessLists": "false"}
    with pytest.raises(BadRequest, match=r'Invalid keys: \["enableMagic"\]'):
        w.workspace_conf.get_status("enableTokensConfig,enableMagic")
    with pytest.raises(InvalidParameterValue, match="keys"):
        w.workspace_conf.get_status("")


def test_new_tokens_live_no_longer_than_is_allowed(conf: WorkspaceClient) -> None:
    conf.workspace_conf.set_status({"maxTokenLifetimeDays": "2"})
    with pytest.raises(InvalidParameterValue, match="at most 172800"):
        conf.tokens.create(lifetime_seconds=172_801)
    made = conf.tokens.create().token_info
    assert made is not None and made.expiry_time == (made.creation_time or 0) + 172_800_000
    conf.tokens.delete(made.token_id or "")


def test_no_new_tokens_where_they_are_disabled(conf: WorkspaceClient) -> None:
    conf.workspace_conf.set_status({"enableTokensConfig": "false"})
    with pytest.raises(NotFound, match="disabled") as refused:
        conf.tokens.create(lifetime_seconds=60)
    assert refused.value.error_code == "FEATURE_DISABLED"
    assert conf.current_user.me().active  # the tokens that there are go on: nobody could come in otherwise


def test_what_switches_nothing_here_is_kept(w: WorkspaceClient) -> None:
    for value in ("true", "false"):
        w.workspace_conf.set_status({"enableWebTerminal": value, "enableIpAccessLists": value})
        found = w.workspace_conf.get_status("enableIpAccessLists,enableWebTerminal")
        assert found == {"enableIpAccessLists": value, "enableWebTerminal": value}


def test_what_cannot_be_set(conf: WorkspaceClient) -> None:
    wrong = [{"enableMagic": "true"}, {"enableTokensConfig": True}, {"enableTokensConfig": "on"}]
    wrong += [{"maxTokenLifetimeDays": text} for text in ("-1", "731", "two", "9" * 9000, 7)]
    for contents in wrong:
        with pytest.raises(BadRequest):
            conf.workspace_conf.set_status(contents)
    conf.workspace_conf.set_status({"enforceUserIsolation": "false"})
    with pytest.raises(NotImplemented, match="enforceUserIsolation"):
        conf.workspace_conf.set_status({"enforceUserIsolation": "true", "maxTokenLifetimeDays": "9"})
    assert conf.workspace_conf.get_status("maxTokenLifetimeDays") == {"maxTokenLifetimeDays": "0"}
