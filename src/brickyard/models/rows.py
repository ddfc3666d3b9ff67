"""The evaluation rows: read once, at one version of the table, for the candidate and the champion alike."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from brickyard.errors import DataError
from brickyard.models.evidence import EvaluationData

if TYPE_CHECKING:
    import pandas as pd
    from databricks.sdk.core import ApiClient
    from deltalake import DeltaTable

    from brickyard.project import Gate

__all__ = ["EvaluationTable", "content_hash"]


@dataclass(frozen=True)
class EvaluationTable:
    """The evaluation table of a gate at one version.

    Attributes:
        gate: The gate.
        table: The table as it was when it was opened; later writes are not seen.
        columns: The names of its columns.
    """

    gate: Gate
    table: DeltaTable
    columns: tuple[str, ...]

    @classmethod
    def open(cls, api: ApiClient, gate: Gate) -> EvaluationTable:
        """Open the newest version and check that label and keys are there.

        Raises:
            DataError: The table or one of these columns is missing.
        """
        from brickyard.scoring.tables import open_table

        table = open_table(api, gate.data)
        opened = cls(gate, table, tuple(field.name for field in table.schema().fields))
        opened.require([gate.label, *gate.keys], "the gate in brickyard.yml")
        return opened

    @property
    def features(self) -> tuple[str, ...]:
        """The columns that are neither label nor keys."""
        return tuple(name for name in self.columns if name not in (self.gate.label, *self.gate.keys))

    def require(self, columns: Sequence[str], who: str) -> None:
        """Check that columns are there.

        Raises:
            DataError: Names all that are missing, and who needs them.
        """
        missing = [name for name in columns if name not in self.columns]
        if missing:
            raise DataError(
                f"the evaluation table has no column {', '.join(missing)}, which {who} needs",
                where=f"{self.gate.data} version {self.table.version()}",
                next=f"It has: {', '.join(self.columns)}",
            )

    def read(self, inputs: Sequence[str]) -> tuple[pd.DataFrame, EvaluationData]:
        """Read the rows, in the order of the keys.

        Args:
            inputs: The columns that the models take.

        Raises:
            DataError: Several rows have the same key, so that a row would count twice.
        """
        import pyarrow as pa
        from deltalake import QueryBuilder

        wanted = list(dict.fromkeys([*self.gate.keys, self.gate.label, *inputs]))
        quoted = ", ".join('"' + name.replace('"', '""') + '"' for name in wanted)
        answer = QueryBuilder().register("evaluation", self.table).execute(f"SELECT {quoted} FROM evaluation")
        frame = pa.table(answer).to_pandas()
        frame = self._ordered(frame)
        data = EvaluationData(self.gate.data, self.table.version(), len(frame), content_hash(frame))
        return frame, data

    def _ordered(self, frame: pd.DataFrame) -> pd.DataFrame:
        keys = list(self.gate.keys)
        if not keys:
            return frame
        repeated = int(frame.duplicated(keys).sum())
        if repeated:
            raise DataError(
                f"{repeated} of {len(frame)} rows repeat a key ({', '.join(keys)})",
                where=f"{self.gate.data} version {self.table.version()}",
                next="Keep one row for each key, or correct `keys` of the gate.",
            )
        return frame.sort_values(keys, ignore_index=True)


def content_hash(frame: pd.DataFrame) -> str:
    """SHA-256 over the columns' names and types and the rows, in hexadecimal; the order of rows does not matter."""
    import numpy as np
    import pandas as pd

    try:
        rows = pd.util.hash_pandas_object(frame, index=False)
    except TypeError:
        # Lists and maps are not hashable; their text is as good.
        rows = pd.util.hash_pandas_object(frame.astype(str), index=False)
    digest = hashlib.sha256(repr([(name, str(kind)) for name, kind in frame.dtypes.items()]).encode())
    digest.update(np.sort(rows.to_numpy(dtype="uint64")).tobytes())
    return digest.hexdigest()
