"""One way to load and call a model, shared by batch, online and the gate, so that their predictions are equal.

The prediction is the one of `mlflow.pyfunc`. Input is cast to the model's signature the way MLflow's scoring
server casts JSON (`cast_df_types_according_to_schema`), whatever it came from, so a row gives the same
prediction from Arrow as over HTTP. A model may be called without pandas (see `brickyard.scoring.native`) only
after that was found equal to pyfunc, bit for bit, when it was loaded.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias

from brickyard.errors import ModelError
from brickyard.scoring.digest import model_digest
from brickyard.scoring.frames import FramePlan, frame_plan_for
from brickyard.scoring.native import NativePlan, plan_for
from brickyard.scoring.threads import cap_threads

if TYPE_CHECKING:
    import pandas as pd
    import pyarrow as pa
    from mlflow.models import ModelSignature
    from mlflow.pyfunc import PyFuncModel
    from mlflow.types import Schema

__all__ = ["ScoringModel", "load_model", "model_digest"]

Input: TypeAlias = "pd.DataFrame | pa.RecordBatch | pa.Table | Mapping[str, Sequence[Any]]"


class ScoringModel:
    """A loaded model.

    Attributes:
        path: The local directory of its files.
        pyfunc: The `mlflow.pyfunc` model.
        native: The verified way around pandas, or none.
        frames: The verified way around MLflow's parsing of JSON, or none.
    """

    def __init__(
        self, path: Path, pyfunc: PyFuncModel, *, native: NativePlan | None = None, frames: FramePlan | None = None
    ) -> None:
        self.path = path
        self.pyfunc = pyfunc
        self.native = native
        self.frames = frames

    @property
    def rung(self) -> str:
        """How it predicts: the name of the native plan, `frame`, or `pyfunc`."""
        if self.native:
            return self.native.name
        return "frame" if self.frames else "pyfunc"

    @cached_property
    def digest(self) -> str:
        """The content hash of its files."""
        return model_digest(self.path)

    @property
    def run_id(self) -> str | None:
        """The MLflow run that logged it."""
        run_id: str | None = self.pyfunc.metadata.run_id
        return run_id

    @property
    def signature(self) -> ModelSignature | None:
        """The signature it was logged with."""
        signature: ModelSignature | None = self.pyfunc.metadata.signature
        return signature

    @cached_property
    def input_schema(self) -> Schema | None:
        """The inputs of the signature."""
        schema: Schema | None = self.pyfunc.metadata.get_input_schema()
        return schema

    @property
    def input_names(self) -> tuple[str, ...]:
        """The names of the input columns; empty where the model does not name any."""
        schema = self.input_schema
        if schema is None or not schema.has_input_names():
            return ()
        return tuple(str(name) for name in schema.input_names())

    @property
    def required_names(self) -> tuple[str, ...]:
        """The names of the input columns that have to be there."""
        if self.input_schema is None or not self.input_names:
            return ()
        return tuple(str(name) for name in self.input_schema.required_input_names())

    def predict(self, data: Input, params: Mapping[str, Any] | None = None) -> Any:
        """Predict, with the signature enforced as MLflow's scoring server enforces it.

        Args:
            data: Columns by name, an Arrow batch or table, or a frame. It is not changed.
            params: Inference parameters, for a model that declares some.

        Returns:
            What the model's pyfunc returns: an array, a frame, a series or a list, one item per row.

        Raises:
            mlflow.exceptions.MlflowException: If the data does not fit the signature.
        """
        if self.native and not params:
            matrix = self.native.matrix_of(data)
            if matrix is not None:
                return self.native.predict(matrix)
        return self.pyfunc.predict(self._cast(_frame(data)), params=dict(params) if params else None)

    def _cast(self, frame: pd.DataFrame) -> pd.DataFrame:
        if self.input_schema is None:
            return frame
        from mlflow.utils.proto_json_utils import cast_df_types_according_to_schema

        binary = _binary_columns(frame)
        cast = cast_df_types_according_to_schema(frame.drop(columns=binary), self.input_schema)
        return cast.join(frame[binary])[list(frame.columns)] if binary else cast


def load_model(uri: str | Path) -> ScoringModel:
    """Load a model with one thread per numeric library.

    Args:
        uri: A local directory, or any model URI of MLflow (`models:/name@alias`, `runs:/...`), which the MLflow
            client downloads with its current tracking and registry settings.

    Raises:
        ModelError: If there is no model there, or it cannot be loaded here.
    """
    cap_threads()
    path = _local(str(uri))
    if not (path / "MLmodel").is_file():
        raise ModelError("there is no MLflow model here: no file MLmodel", where=str(path))
    pyfunc = _load_pyfunc(path, str(uri))
    _one_job(pyfunc)
    native = plan_for(pyfunc)
    return ScoringModel(path, pyfunc, native=native, frames=None if native else frame_plan_for(pyfunc))


def _local(uri: str) -> Path:
    if "://" not in uri and not uri.startswith(("models:/", "runs:/")):
        return Path(uri.removeprefix("file:"))
    if uri.startswith("file://"):
        from mlflow.utils.file_utils import local_file_uri_to_path

        return Path(local_file_uri_to_path(uri))
    import mlflow

    try:
        return Path(mlflow.artifacts.download_artifacts(artifact_uri=uri))
    except (mlflow.exceptions.MlflowException, OSError) as error:
        raise ModelError(f"the model could not be fetched: {error}", where=uri) from error


def _load_pyfunc(path: Path, uri: str) -> PyFuncModel:
    import mlflow.pyfunc

    try:
        model: PyFuncModel = mlflow.pyfunc.load_model(str(path), suppress_warnings=True)
    except ModuleNotFoundError as error:
        raise ModelError(
            f"the model needs a module that is not installed here: {error.name}",
            where=uri,
            next=f"install what {path / 'requirements.txt'} lists, and try again",
        ) from error
    except Exception as error:
        # Loading runs the model's own code, which may raise anything.
        raise ModelError(f"the model could not be loaded: {type(error).__name__}: {error}", where=uri) from error
    return model


def _one_job(pyfunc: PyFuncModel) -> None:
    """Let scikit-learn estimators use one job: parallel sums depend on the order in which threads end."""
    if pyfunc.loader_module not in {"mlflow.sklearn", "mlflow.lightgbm", "mlflow.xgboost"}:
        return
    raw = pyfunc.get_raw_model()
    if not hasattr(raw, "get_params"):
        return
    jobs = [name for name in raw.get_params() if name.split("__")[-1] == "n_jobs"]
    raw.set_params(**dict.fromkeys(jobs, 1))


def _frame(data: Input) -> pd.DataFrame:
    import pandas as pd

    if isinstance(data, pd.DataFrame):
        return data.copy(deep=False)
    if isinstance(data, Mapping):
        return pd.DataFrame(dict(data))
    return data.to_pandas()


def _binary_columns(frame: pd.DataFrame) -> list[str]:
    """Columns that hold bytes already: MLflow's cast would decode base64 text, which is how JSON carries them."""
    objects = [name for name in frame.columns if frame[name].dtype == object]
    return [name for name in objects if any(isinstance(value, bytes) for value in frame[name])]
