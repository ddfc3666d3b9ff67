"""Models of the workspace's own registry, beside Unity Catalog: MLflow keeps them, here are their ids and grants."""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from typing import TYPE_CHECKING

from sqlalchemy import Connection, delete, insert, select, update

from brickyard.workspace.api.errors import ResourceDoesNotExist
from brickyard.workspace.identity.permissions import Securable
from brickyard.workspace.store.workspace_models import workspace_models as table

if TYPE_CHECKING:
    from brickyard.workspace.identity import Principal
    from brickyard.workspace.identity.permissions import Permissions
    from brickyard.workspace.registry.tracking import Tracking
    from brickyard.workspace.store import Store

__all__ = ["ROOT", "ModelRecord", "WorkspaceModels"]

ROOT = Securable("registered-models", "root")  # what is granted on it holds for every model


@dataclass(frozen=True)
class ModelRecord:
    """What MLflow does not know of a model; of one from before there were records, the creator is empty."""

    id: str
    name: str
    creator: str

    @property
    def securable(self) -> Securable:
        """The model as permissions know it."""
        return Securable("registered-models", self.id, ROOT)


class WorkspaceModels:
    """The ids of models, which stay the same when a model is renamed, and who made them.

    Args:
        store: Where the ids are.
        permissions: What is granted on models; of those that are deleted, it is forgotten.
        tracking: MLflow's server, which has the models.
    """

    def __init__(self, store: Store, permissions: Permissions, tracking: Tracking) -> None:
        self._store = store
        self._permissions = permissions
        self._tracking = tracking

    def record(self, name: str) -> ModelRecord:
        """The record of a model.

        Raises:
            ApiError: There is no model of that name.
        """
        with self._store.read() as connection:
            known = _find(connection, name)
        if known is not None:
            return known
        self._tracking.ask_models(lambda store: store.get_registered_model(name))
        with self._store.write() as connection:
            known = _find(connection, name)
            if known is None:
                known = ModelRecord(secrets.token_hex(16), name, "")
                connection.execute(insert(table).values(id=known.id, name=name, creator=""))
            return known

    def with_id(self, model_id: str) -> Securable:
        """The model with an id, or what stands for all of them.

        Raises:
            ResourceDoesNotExist: There is none.
        """
        if model_id == ROOT.id:
            return ROOT
        with self._store.read() as connection:
            row = connection.execute(select(table).where(table.c.id == model_id)).first()
        if row is None:
            raise ResourceDoesNotExist(f"RegisteredModel with id {model_id} does not exist.")
        return ModelRecord(row.id, row.name, row.creator).securable

    def created(self, name: str, creator: Principal) -> None:
        """Give a model that was just made its id, and to its maker all rights on it."""
        self.deleted(name)  # nothing of an earlier model of that name may count
        found = ModelRecord(secrets.token_hex(16), name, creator.user_name)
        with self._store.write() as connection:
            connection.execute(insert(table).values(id=found.id, name=name, creator=found.creator))
        self._permissions.grant(found.securable, creator.id, "CAN_MANAGE")

    def renamed(self, name: str, new_name: str) -> None:
        """Keep the id of a model that has another name now."""
        self.deleted(new_name)
        with self._store.write() as connection:
            connection.execute(update(table).where(table.c.name == name).values(name=new_name))

    def deleted(self, name: str) -> None:
        """Forget a model, with what was granted on it."""
        with self._store.write() as connection:
            found = connection.execute(select(table.c.id).where(table.c.name == name)).scalar()
            connection.execute(delete(table).where(table.c.name == name))
        if found is not None:
            self._permissions.forget(Securable("registered-models", found))


def _find(connection: Connection, name: str) -> ModelRecord | None:
    row = connection.execute(select(table).where(table.c.name == name)).first()
    return None if row is None else ModelRecord(row.id, row.name, row.creator)
