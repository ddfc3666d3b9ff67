"""One way to load and call a model, shared by batch, online and the gate, so that their predictions are equal.

The prediction is the one of `mlflow.pyfunc`. Input is cast to the model's signature the way MLflow's scoring
server casts JSON (`cast_df_types_according_to_schema`), whatever it came from, so a row gives the same
prediction from Arrow as over HTTP. A model may be called by another way (see `brickyard.scoring.plan` and
`brickyard.scoring.native`) only after that was found equal to pyfunc, bit for bit, when it was loaded. A plan that was
kept from an earlier start is used at once; pyfunc is then loaded when it is first needed.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias

from brickyard.errors import ModelError
from brickyard.scoring.digest import model_digest
from brickyard.scoring.threads import cap_threads

if TYPE_CHECKING:
    import pandas as pd
    import pyarrow as pa
    from mlflow.models import ModelSignature
    from mlflow.pyfunc import PyFuncModel
    from mlflow.types import Schema

    from brickyard.scoring.frames import FramePlan
    from brickyard.scoring.native import NativePlan
    from brickyard.scoring.plan import Plan
    from brickyard.scoring.scorer import Scorer

__all__ = ["ScoringModel", "kept_model", "load_model", "model_digest"]

_log = logging.getLogger(__name__)
Input: TypeAlias = "pd.DataFrame | pa.RecordBatch | pa.Table | Mapping[str, Sequence[Any]]"


class ScoringModel:
    """A loaded model.

    Args:
        path: The local directory of its files, or what fetches them when they are first needed.
        pyfunc: The `mlflow.pyfunc` model; none where a kept plan is used until it is needed.
        required: The input columns that have to be there, for a kept plan.

    Attributes:
        plan: The verified way from columns to predictions, or none.
        native: The native library behind `plan`, where there is no column plan.
        frames: The verified way around MLflow's parsing of JSON, where there is no `plan`.
    """

    def __init__(
        self,
        path: Path | Callable[[], Path],
        pyfunc: PyFuncModel | None,
        *,
        plan: Scorer | None = None,
        native: NativePlan | None = None,
        frames: FramePlan | None = None,
        run_id: str | None = None,
        required: Sequence[str] | None = None,
    ) -> None:
        self._place = path
        self._required = required
        self.plan = plan
        self.native = native
        self.frames = frames
        self._pyfunc = pyfunc
        self._run_id = run_id
        self._loading = threading.Lock()

    @cached_property
    def path(self) -> Path:
        """The local directory of its files."""
        return self._place if isinstance(self._place, Path) else self._place()

    @property
    def pyfunc(self) -> PyFuncModel:
        """The `mlflow.pyfunc` model; loaded now, where a kept plan was used until now.

        Raises:
            ModelError: If it cannot be loaded.
        """
        if self._pyfunc is None:
            with self._loading:
                self._pyfunc = self._pyfunc or _load_pyfunc(self.path, str(self.path))
        return self._pyfunc

    @property
    def rung(self) -> str:
        """How it predicts: `plan`, the name of a native library, `frame`, or `pyfunc`."""
        if self.plan:
            return self.plan.name
        return "frame" if self.frames else "pyfunc"

    @cached_property
    def digest(self) -> str:
        """The content hash of its files."""
        return model_digest(self.path)

    @property
    def run_id(self) -> str | None:
        """The MLflow run that logged it."""
        if self._pyfunc is None:
            return self._run_id
        run_id: str | None = self._pyfunc.metadata.run_id
        return run_id

    @cached_property
    def _metadata(self) -> Any:
        """What its file MLmodel says, for which the model itself need not be loaded."""
        if self._pyfunc is not None:
            return self._pyfunc.metadata
        from mlflow.models import Model

        return Model.load(str(self.path))

    @property
    def signature(self) -> ModelSignature | None:
        """The signature it was logged with."""
        signature: ModelSignature | None = self._metadata.signature
        return signature

    @cached_property
    def input_schema(self) -> Schema | None:
        """The inputs of the signature."""
        schema: Schema | None = self._metadata.get_input_schema()
        return schema

    @property
    def outputs(self) -> Schema | None:
        """What its signature says of predictions; none where it is called by a plan, which always gives one type."""
        if self.plan:
            return None
        schema: Schema | None = self._metadata.get_output_schema()
        return schema

    @property
    def input_names(self) -> tuple[str, ...]:
        """The names of the input columns; empty where the model does not name any."""
        if self.plan:
            return tuple(self.plan.kinds)
        schema = self.input_schema
        if schema is None or not schema.has_input_names():
            return ()
        return tuple(str(name) for name in schema.input_names())

    def input_kinds(self, columns: Sequence[str]) -> dict[str, str]:
        """The signature's type by column, for those of one of MLflow's plain types.

        Args:
            columns: All columns that there are; where the signature has no names, it means the first ones.
        """
        if self.plan:
            return {name: kind for name, kind in self.plan.kinds.items() if name in columns}
        schema = self.input_schema
        if schema is None or schema.is_tensor_spec():
            return {}
        names = self.input_names or columns
        kinds = {name: getattr(column.type, "name", "") for name, column in zip(names, schema.inputs, strict=False)}
        return {name: kind for name, kind in kinds.items() if kind and name in columns}

    @property
    def required_names(self) -> tuple[str, ...]:
        """The names of the input columns that have to be there."""
        if self._required is not None:
            return tuple(self._required)
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
        predicted = self.plan.predict(data) if self.plan and not params else None
        if predicted is not None:
            return predicted
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
    cap_threads()  # before anything imports numpy, as this module does not
    path = _local(str(uri))
    if not (path / "MLmodel").is_file():
        raise ModelError("there is no MLflow model here: no file MLmodel", where=str(path))
    if not _may_have_plan(path):
        return _without_plan(path, _load_pyfunc(path, str(uri)))
    digest = model_digest(path)
    return kept_model(path, digest) or _by_new_plan(path, digest, _load_pyfunc(path, str(uri)))


def _may_have_plan(path: Path) -> bool:
    """Whether it is of a library that plans are made of; to hash gigabytes of any other would be for nothing."""
    text = (path / "MLmodel").read_text(encoding="utf-8", errors="replace")
    return any(loader in text for loader in ("mlflow.sklearn", "mlflow.lightgbm", "mlflow.xgboost"))


def kept_model(path: Path | Callable[[], Path], digest: str) -> ScoringModel | None:
    """The model whose files have this digest, by its kept plan; None where none is kept.

    Args:
        path: The local directory of its files, or what fetches them when they are first needed.
        digest: The content hash of its files.
    """
    cap_threads()
    from brickyard.scoring.plan.cache import find_plan

    found = find_plan(digest)
    if found is None:
        return None
    plan, about = found
    run_id, required = about.get("run_id"), about.get("required")
    return ScoringModel(
        path,
        None,
        plan=_scorer(plan),
        run_id=run_id if isinstance(run_id, str) else None,
        required=required if isinstance(required, list) else None,
    )


def _by_new_plan(path: Path, digest: str, pyfunc: PyFuncModel) -> ScoringModel:
    from brickyard.scoring.plan.cache import keep_plan

    plan = _verified_plan(pyfunc)
    if plan is not None:
        model = ScoringModel(path, pyfunc, plan=_scorer(plan))
        keep_plan(plan, digest, {"run_id": model.run_id, "required": model.required_names})
        return model
    return _without_plan(path, pyfunc)


def _without_plan(path: Path, pyfunc: PyFuncModel) -> ScoringModel:
    from brickyard.scoring.frames import frame_plan_for
    from brickyard.scoring.native import plan_for
    from brickyard.scoring.scorer import NativeColumns, Scorer

    native = plan_for(pyfunc)
    if native is not None:
        return ScoringModel(path, pyfunc, plan=Scorer(NativeColumns(native), native.kinds), native=native)
    return ScoringModel(path, pyfunc, frames=frame_plan_for(pyfunc))


def _scorer(plan: Plan) -> Scorer:
    from brickyard.scoring.scorer import Scorer

    return Scorer(plan, {column.name: column.kind for column in plan.inputs})


def _verified_plan(pyfunc: PyFuncModel) -> Plan | None:
    from brickyard.scoring.plan.compile import compile_pyfunc, native_of
    from brickyard.scoring.plan.verify import Disagreement, verify

    try:
        plan, native = compile_pyfunc(pyfunc), native_of(pyfunc)
        if plan is None or native is None:
            return None
        verify(plan, pyfunc, native)
    except Disagreement as error:
        _log.warning("the model is not called by its plan: %s", error)
        return None
    except Exception:
        # A library that changed its insides; the plan is only ever a faster way.
        _log.exception("the model has no plan")
        return None
    return plan


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
    except (Exception, SystemExit) as error:
        # Loading runs the model's own code, which may raise anything.
        what = "its code ended the process: " if isinstance(error, SystemExit) else ""
        raise ModelError(f"the model could not be loaded: {what}{type(error).__name__}: {error}", where=uri) from error
    _one_job(model)
    return model


def _one_job(pyfunc: PyFuncModel) -> None:
    """Let scikit-learn estimators use one job: parallel sums depend on the order in which threads end."""
    from brickyard.scoring.estimators import estimators_in

    if pyfunc.loader_module not in {"mlflow.sklearn", "mlflow.lightgbm", "mlflow.xgboost"}:
        return
    for estimator in estimators_in(pyfunc.get_raw_model()):
        if "n_jobs" in vars(estimator):
            estimator.set_params(n_jobs=1)


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
