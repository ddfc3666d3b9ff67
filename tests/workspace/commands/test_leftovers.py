"""What processes of contexts and warehouses had when the workspace was killed is taken away by its next start."""

from __future__ import annotations

from pathlib import Path

import pytest

from brickyard.workspace.api.errors import Unauthenticated
from brickyard.workspace.commands.context import TOKEN_COMMENT as OF_CONTEXTS
from brickyard.workspace.sql.runners import TOKEN_COMMENT as OF_WAREHOUSES
from brickyard.workspace.store import Store
from brickyard.workspace.workspace import Workspace


def started(root: Path) -> Workspace:
    """One life of a workspace."""
    (root / "data").mkdir(parents=True, exist_ok=True)
    store = Store(root / "workspace.db")
    return Workspace(name="left", root=root, url="http://127.0.0.1:1", workspace_id=77, store=store)


def test_tokens_and_results_of_a_killed_workspace_end_with_the_next_start(tmp_path: Path) -> None:
    killed = started(tmp_path)
    owner = killed.identity.owner
    tokens = [killed.identity.issue_token(owner, comment) for comment in (OF_CONTEXTS, OF_WAREHOUSES)]
    result = tmp_path / "commands" / "1" / "result.json"
    result.parent.mkdir(parents=True)
    result.write_text("{}")
    assert [killed.identity.authenticate(f"Bearer {token}").id for token in tokens] == [owner.id] * 2
    killed.store.close()
    again = started(tmp_path)
    try:
        again.recover()
        for token in tokens:
            with pytest.raises(Unauthenticated):
                again.identity.authenticate(f"Bearer {token}")
        assert not result.exists()
    finally:
        again.close()
