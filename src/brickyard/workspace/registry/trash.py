"""Where deleted experiments are: their names are free again, so they have others meanwhile, below their ids."""

from __future__ import annotations

from typing import Any

__all__ = ["TRASH", "discard", "original_path"]

TRASH = "/Trash"


def original_path(experiment_id: str, name: str) -> str:
    """The path that an experiment has, or had before it was deleted."""
    return name.removeprefix(f"{TRASH}/{experiment_id}")


def discard(store: Any, experiment_id: str) -> None:
    """Delete an experiment and free its name, as the vendor moves it to the trash."""
    name = store.get_experiment(experiment_id).name
    trash = f"{TRASH}/{experiment_id}"
    if not name.startswith(f"{trash}/"):
        store.rename_experiment(experiment_id, f"{trash}{name}")
    store.delete_experiment(experiment_id)
