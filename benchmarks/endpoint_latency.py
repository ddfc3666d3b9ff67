"""How long an endpoint takes to answer one row, through the workspace's port, with its token.

Starts a workspace in a temporary home, registers a LightGBM model with 15 numeric columns and a model of the
user's own code (text and numbers, as in the flights project), serves both, and asks each over one kept-alive
connection. Prints p50 and p99 in milliseconds as JSON; the target is a p50 of at most 2 ms.

    python benchmarks/endpoint_latency.py [--requests 2000]
"""

from __future__ import annotations

import argparse
import http.client
import json
import os
import statistics
import sys
import tempfile
import time
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import numpy as np
import pandas as pd

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
from tests.support import LocalWorkspace, WorkspaceHome


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--requests", type=int, default=2000)
    count = parser.parse_args().requests
    with tempfile.TemporaryDirectory(prefix="brickyard-bench-") as directory:
        home = WorkspaceHome(Path(directory) / "home")
        try:
            workspace = home.start("bench")
            figures = {kind: measure(workspace, kind, Path(directory) / kind, count) for kind in MODELS}
        finally:
            home.close()
    print(json.dumps(figures, indent=2))


def measure(workspace: LocalWorkspace, kind: str, path: Path, count: int) -> dict[str, float | str]:
    """Serve a model and time requests of one row."""
    frame = MODELS[kind](path)
    serve(workspace, kind, path)
    body = json.dumps({"dataframe_split": {"columns": list(frame), "data": frame.head(1).to_numpy().tolist()}})
    times = []
    address = urlsplit(workspace.host)
    connection = http.client.HTTPConnection(address.hostname or "", address.port)
    headers = {"Authorization": f"Bearer {workspace.token}", "Content-Type": "application/json"}
    for _ in range(count + 100):
        begun = time.perf_counter()
        connection.request("POST", f"/serving-endpoints/{kind}/invocations", body, headers)
        reply = connection.getresponse()
        answer = reply.read()
        times.append((time.perf_counter() - begun) * 1000)
        if reply.status != 200:
            raise SystemExit(f"the endpoint answered {reply.status}: {answer.decode()}")
    cuts = statistics.quantiles(times[100:], n=100)
    return {"p50_ms": round(cuts[49], 3), "p99_ms": round(cuts[98], 3), "rung": reply.headers["x-scoring-rung"]}


def serve(workspace: LocalWorkspace, kind: str, path: Path) -> None:
    """Register a model and create an endpoint that follows its alias."""
    os.environ |= workspace.environ
    import mlflow
    from databricks.sdk.service.serving import EndpointCoreConfigInput, ServedEntityInput

    mlflow.set_tracking_uri("databricks")
    mlflow.set_registry_uri("databricks-uc")
    name, registry = f"main.default.{kind}", mlflow.MlflowClient()
    registry.create_registered_model(name)
    version = registry.create_model_version(name, source=str(path)).version
    registry.set_registered_model_alias(name, "champion", version)
    entity = ServedEntityInput(entity_name=name, entity_version="champion", scale_to_zero_enabled=False)
    config = EndpointCoreConfigInput(name=kind, served_entities=[entity])
    workspace.client().serving_endpoints.create_and_wait(kind, config=config)


def _rows(count: int) -> pd.DataFrame:
    random = np.random.default_rng(0)
    return pd.DataFrame({f"n{number}": random.normal(size=count) for number in range(15)})


def _booster(frame: pd.DataFrame) -> Any:
    import lightgbm

    numbers = frame.select_dtypes("number")
    data = lightgbm.Dataset(numbers, numbers["n0"] + numbers["n1"] > 0)
    options = {"objective": "binary", "num_leaves": 63, "num_threads": 1, "verbose": -1}
    return lightgbm.train(options, data, num_boost_round=300)


def save_booster(path: Path) -> pd.DataFrame:
    """A LightGBM booster with 15 numeric columns."""
    import mlflow.lightgbm
    from mlflow.models import infer_signature

    frame = _rows(20_000)
    signature = infer_signature(frame, np.array([0.5]))
    mlflow.lightgbm.save_model(_booster(frame), str(path), signature=signature, pip_requirements=[])
    return frame


def save_own_code(path: Path) -> pd.DataFrame:
    """Own code around a booster: a text column is coded, then the same 15 numbers."""
    import mlflow.pyfunc
    from mlflow.models import infer_signature

    class Coded(mlflow.pyfunc.PythonModel):
        def __init__(self, booster: Any) -> None:
            self.booster = booster

        def predict(self, context: object, model_input: pd.DataFrame, params: dict | None = None) -> np.ndarray:
            matrix = model_input.drop(columns="carrier").to_numpy(dtype=float)
            matrix[:, 0] += [len(carrier) for carrier in model_input["carrier"]]
            return self.booster.predict(matrix, num_threads=1)

    frame = _rows(20_000).assign(carrier="AA")
    signature = infer_signature(frame, np.array([0.5]))
    model = Coded(_booster(frame))
    mlflow.pyfunc.save_model(str(path), python_model=model, signature=signature, pip_requirements=[])
    return frame


MODELS = {"lightgbm": save_booster, "own-code": save_own_code}

if __name__ == "__main__":
    main()
