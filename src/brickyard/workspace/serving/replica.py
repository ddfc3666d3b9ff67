"""What serves: the processes of an endpoint's served entities, and what the endpoint is doing."""

from __future__ import annotations

import threading
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from brickyard.workspace.serving.metrics import Series

if TYPE_CHECKING:
    from brickyard.workspace.serving.config import Entity
    from brickyard.workspace.serving.process import ScoringProcess
    from brickyard.workspace.serving.wanted import Wanted

__all__ = ["Replica", "Status", "retire"]


@dataclass(frozen=True)
class Replica:
    """A served entity at one version, and the process that answers for it."""

    entity: Entity
    version: int
    process: ScoringProcess

    @property
    def series(self) -> Series:
        """What its requests are counted as."""
        return Series(self.entity.name, self.version)

    def serves(self, wanted: Wanted) -> bool:
        """Whether it already is what is asked for."""
        same = (self.entity.model, self.version) == (wanted.entity.model, wanted.version)
        return same and self.process.environment == wanted.environment and self.process.failure is None


@dataclass(frozen=True)
class Status:
    """What an endpoint is doing.

    Attributes:
        replicas: What serves, by the name of the served entity.
        traffic: Percent of the requests, by the name of the served entity.
        loading: Whether a model is being loaded.
        messages: What is being waited for or went wrong, by the name of the served entity.
        stopped: Whether it will not serve again.
    """

    replicas: Mapping[str, Replica] = field(default_factory=dict)
    traffic: Mapping[str, int] = field(default_factory=dict)
    loading: bool = False
    messages: Mapping[str, str] = field(default_factory=dict)
    stopped: bool = False


def retire(replicas: Iterable[Replica], grace: float) -> None:
    """Stop several processes at once, each after what it has in flight."""
    threads = [threading.Thread(target=replica.process.stop, args=(grace,)) for replica in replicas]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
