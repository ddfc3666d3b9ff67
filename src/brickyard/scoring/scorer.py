"""A verified way around pyfunc, from tables and from JSON; whatever it declines is left to pyfunc."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

from brickyard.scoring.columns import arrays_of, arrays_of_json
from brickyard.scoring.plan.steps import Declined

if TYPE_CHECKING:
    import numpy as np

    from brickyard.scoring.native import NativePlan

__all__ = ["Arrays", "ColumnPlan", "NativeColumns", "Scorer"]

Arrays = Mapping[str, "np.ndarray"]


class ColumnPlan(Protocol):
    """What predicts from arrays: a column plan, or a native library behind a matrix."""

    @property
    def name(self) -> str:
        """The name of the rung."""

    @property
    def row_wise(self) -> bool:
        """Whether rows of several requests may be predicted together."""

    def predict(self, columns: Arrays, *, together: bool = False) -> np.ndarray:
        """Predict from columns of exactly the signature's types; raises `Declined`."""

    def predict_row(self, values: Sequence[Any]) -> np.ndarray | None:
        """Predict one row from values of JSON in the order of the signature, where there is a faster way for one."""

    def predict_values(self, values: Sequence[Any]) -> np.ndarray | None:
        """The same, where several rows take less time together."""


@dataclass(frozen=True)
class NativeColumns:
    """A native library as a plan over columns."""

    native: NativePlan

    row_wise = True

    @property
    def name(self) -> str:
        """The name of the library."""
        return self.native.name

    def predict(self, columns: Arrays, *, together: bool = False) -> np.ndarray:
        """Predict; `together` changes nothing, as rows do not meet."""
        return self.native.predict(self.native.matrix(columns))

    def predict_row(self, values: Sequence[Any]) -> np.ndarray | None:
        """There is no other way for one row."""
        return None

    def predict_values(self, values: Sequence[Any]) -> np.ndarray | None:
        """Nor here."""
        return None


class Scorer:
    """Predicts plain input by a plan that was found equal to pyfunc.

    Args:
        plan: The plan.
        kinds: MLflow type by column, in the order of the signature.

    Attributes:
        name: The rung.
        row_wise: Whether rows of several requests may be predicted together.
        kinds: MLflow type by column, in the order of the signature.
    """

    def __init__(self, plan: ColumnPlan, kinds: Mapping[str, str]) -> None:
        self._plan = plan
        self._names = list(kinds)
        self.kinds = kinds
        self.name = plan.name
        self.row_wise = plan.row_wise

    def arrays_of_json(self, columns: Mapping[str, Sequence[Any]]) -> Arrays | None:
        """Return columns of decoded JSON as `predict_arrays` takes them; None where they are not plain."""
        return arrays_of_json(columns, self.kinds)

    def predict_arrays(self, arrays: Arrays, *, together: bool = False) -> np.ndarray | None:
        """Predict columns of the signature's types; None where pyfunc has to.

        Args:
            arrays: Columns by name.
            together: Whether the rows are of several requests; what would depend on the rows beside it is declined.
        """
        try:
            return self._plan.predict(arrays, together=together)
        except Declined:
            return None

    def predict(self, data: Any) -> np.ndarray | None:
        """Predict an Arrow batch or table, or a frame; None where pyfunc has to."""
        arrays = arrays_of(data, self.kinds)
        return None if arrays is None else self.predict_arrays(arrays)

    def predict_json_columns(self, columns: Mapping[str, Sequence[Any]]) -> np.ndarray | None:
        """Predict columns of decoded JSON, by name and equally long; None where pyfunc has to."""
        if columns.keys() == self.kinds.keys() and len(columns[self._names[0]]) == 1:
            values = [columns[name][0] for name in self._names]
            answer = self._plan.predict_row(values)
            answer = self._plan.predict_values(values) if answer is None else answer
            if answer is not None:
                return answer
        arrays = arrays_of_json(columns, self.kinds)
        return None if arrays is None else self.predict_arrays(arrays)

    def predict_json_row(
        self, names: Sequence[str], values: Sequence[Any], *, alone: bool = False
    ) -> np.ndarray | None:
        """Predict one row of decoded JSON, a value for each name; None where another way has to. The fastest way in.

        Args:
            names: The columns, in the order of the signature (in any other there is no fast way).
            values: A value for each.
            alone: Whether no other rows are there, with which it would take less time.
        """
        if names != self._names or len(values) != len(names):
            return None
        answer = self._plan.predict_row(values)
        return self._plan.predict_values(values) if answer is None and alone else answer
