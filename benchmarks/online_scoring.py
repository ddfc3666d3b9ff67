"""Model servers side by side: requests per second, the server's CPU time per request, latency, memory, start.

Logs four models (a scikit-learn pipeline into a logistic regression, the same into a forest, a LightGBM booster, and
naive Bayes, which has no plan), serves each by `brickyard serve`, `mlflow models serve`, MLServer, BentoML and LitServe
with their defaults, and asks them for 1 row by 16 connections, 100 rows by 8 and 10,000 rows by 4, and for 1 row by
one. As a floor, a server without a model gives the same answer to everything. The peers are installed into scratch
environments; one that does not install is named and left out. The load generator runs on the same cores, so the CPU
time per request says more than requests per second.

    python benchmarks/online_scoring.py [--seconds 5] [--models sk_lr,sk_rf,lgb,sk_nb] [--peers brickyard,mlserver]
"""

from __future__ import annotations

import argparse
import contextlib
import http.client
import json
import os
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import psutil
from _load import Load, measure, memory_mib, request_of
from _online_peers import PEERS, Peer

CASES = ((1, 16), (100, 8), (10_000, 4), (1, 1))
_START_SECONDS = 120
Figures = dict[tuple[int, int], Load]


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=5)
    parser.add_argument("--models", default="sk_lr,sk_rf,lgb,sk_nb")
    parser.add_argument("--peers", default=",".join(peer.name for peer in PEERS))
    given = parser.parse_args()
    print(f"load {os.getloadavg()[0]:.2f}")
    with tempfile.TemporaryDirectory(prefix="brickyard-online-") as scratch:
        wanted = [peer for peer in PEERS if peer.name in given.peers.split(",")]
        installed = {peer: peer.install(Path(scratch)) for peer in wanted}
        for kind in given.models.split(","):
            model, frame = Path(scratch) / kind, MODELS[kind](Path(scratch) / kind)
            found = {
                peer.name: _measured(peer, home, model, frame, given.seconds, Path(scratch))
                for peer, home in installed.items()
                if home is not None
            }
            _compare(kind, found)


def _measured(peer: Peer, home: Path, model: Path, frame: pd.DataFrame, seconds: float, scratch: Path) -> Figures:
    first = request_of(_body(frame, 1))
    if peer.name == "brickyard":  # the first start makes the plan, which later ones use
        with _started(peer, home, model, scratch, first):
            pass
    begun = time.perf_counter()
    with _started(peer, home, model, scratch, first) as (port, pid):
        print(f"{model.name}, {peer.name}: first answer after {time.perf_counter() - begun:.2f} s", flush=True)
        found: Figures = {}
        for rows, connections in CASES:
            load = measure(port, pid, request_of(_body(frame, rows)), connections=connections, seconds=seconds)
            found[rows, connections] = load
            print(f"{model.name}, {peer.name}, {rows} rows, {connections} connections: {load}", flush=True)
        rss, pss = memory_mib(pid)
        print(f"{model.name}, {peer.name}: {rss:,.0f} MiB RSS, {pss:,.0f} MiB PSS", flush=True)
    return found


@contextlib.contextmanager
def _started(peer: Peer, home: Path, model: Path, scratch: Path, request: bytes) -> Iterator[tuple[int, int]]:
    """A server that has answered once: its port and its process."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    directory = Path(tempfile.mkdtemp(dir=scratch)) / "server"
    process = peer.start(home, directory, model, port)
    try:
        _wait(process, port, request, directory / "log")
        yield port, process.pid
    finally:
        _kill(process)


def _kill(process: subprocess.Popen[bytes]) -> None:
    """End a server with all that it has started, also in sessions of their own."""
    with contextlib.suppress(psutil.NoSuchProcess):
        for child in psutil.Process(process.pid).children(recursive=True):
            with contextlib.suppress(psutil.NoSuchProcess):
                child.kill()
    process.kill()
    process.wait()


def _wait(process: subprocess.Popen[bytes], port: int, request: bytes, log: Path) -> None:
    head, _, body = request.partition(b"\r\n\r\n")
    until = time.monotonic() + _START_SECONDS
    while time.monotonic() < until and process.poll() is None:
        with contextlib.suppress(OSError, http.client.HTTPException):
            client = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
            client.request("POST", head.split()[1].decode(), body, {"Content-Type": "application/json"})
            if client.getresponse().status == 200:
                return
        time.sleep(0.01)
    raise SystemExit(f"the server did not answer: {log.read_text()[-2000:]}")


def _compare(kind: str, found: dict[str, Figures]) -> None:
    ours = found.pop("brickyard", {})
    for (rows, connections), load in ours.items():
        for name, peer in found.items():
            times = load.per_second / peer[rows, connections].per_second
            cpu = peer[rows, connections].cpu_us / load.cpu_us
            print(f"{kind}, {rows} rows, {connections} connections: {times:.1f}x {name}'s rate, 1/{cpu:.1f} of its CPU")


def _body(frame: pd.DataFrame, rows: int) -> bytes:
    some = frame.sample(rows, replace=True, random_state=1)
    return json.dumps({"dataframe_split": {"columns": list(some), "data": some.to_numpy().tolist()}}).encode()


def _rows() -> tuple[pd.DataFrame, pd.Series]:
    random = np.random.default_rng(0)
    frame = pd.DataFrame({f"n{number}": random.normal(size=5000) for number in range(7)})
    for name, count in (("c1", 5), ("c2", 20), ("c3", 3)):
        frame[name] = random.choice([f"v{number}" for number in range(count)], 5000).astype(object)
    return frame, (frame["n0"] + frame["n1"] + (frame["c1"] == "v1") + random.normal(size=5000) > 0).astype(int)


def _pipeline(path: Path, estimator: Any) -> pd.DataFrame:
    import mlflow.sklearn
    from mlflow.models import infer_signature
    from sklearn.compose import ColumnTransformer
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import OneHotEncoder, StandardScaler

    frame, label = _rows()
    encoder = OneHotEncoder(handle_unknown="ignore")
    encode = ColumnTransformer([("n", StandardScaler(), list(frame)[:7]), ("c", encoder, list(frame)[7:])])
    model = make_pipeline(encode, estimator).fit(frame, label)
    signature = infer_signature(frame, model.predict(frame))
    mlflow.sklearn.save_model(
        model, str(path), signature=signature, pip_requirements=[], serialization_format="cloudpickle"
    )
    return frame


def save_sk_lr(path: Path) -> pd.DataFrame:
    """Scaled numbers and one-hot texts into a logistic regression."""
    from sklearn.linear_model import LogisticRegression

    return _pipeline(path, LogisticRegression())


def save_sk_rf(path: Path) -> pd.DataFrame:
    """The same into a forest of 100 trees."""
    from sklearn.ensemble import RandomForestClassifier

    return _pipeline(path, RandomForestClassifier(100, max_depth=12, random_state=0))


def save_lgb(path: Path) -> pd.DataFrame:
    """A LightGBM booster of 200 trees on the numbers."""
    import lightgbm
    import mlflow.lightgbm
    from mlflow.models import infer_signature

    frame, label = _rows()
    numbers = frame.select_dtypes("number")
    options = {"objective": "binary", "num_threads": 1, "verbose": -1}
    booster = lightgbm.train(options, lightgbm.Dataset(numbers, label), 200)
    signature = infer_signature(numbers, np.array([0.5]))
    mlflow.lightgbm.save_model(booster, str(path), signature=signature, pip_requirements=[])
    return numbers


def save_sk_nb(path: Path) -> pd.DataFrame:
    """Naive Bayes on the numbers: a model without a plan, called through its own function."""
    import mlflow.sklearn
    from mlflow.models import infer_signature
    from sklearn.naive_bayes import GaussianNB
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    frame, label = _rows()
    numbers = frame.select_dtypes("number")
    model = make_pipeline(StandardScaler(), GaussianNB()).fit(numbers, label)
    signature = infer_signature(numbers, model.predict(numbers))
    mlflow.sklearn.save_model(
        model, str(path), signature=signature, pip_requirements=[], serialization_format="cloudpickle"
    )
    return numbers


MODELS = {"sk_lr": save_sk_lr, "sk_rf": save_sk_rf, "lgb": save_lgb, "sk_nb": save_sk_nb}

if __name__ == "__main__":
    main()
