"""Whether an inference table slows the answers of an endpoint down.

Serves one LightGBM model by two endpoints, of which one keeps its requests and answers in a Delta table, and asks both
in turns over one kept-alive connection each. Prints p50 and p99 of both in milliseconds, their ratios, and how many of
the requests are in the table in the end (all of them).

    python benchmarks/capture.py [--requests 10000]
"""

from __future__ import annotations

import argparse
import http.client
import json
import statistics
import sys
import tempfile
import time
from pathlib import Path
from urllib.parse import urlsplit

from endpoint_latency import save_booster, serve

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
from tests.support import LocalWorkspace, WorkspaceHome

_TURN = 500


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--requests", type=int, default=10_000)
    count = parser.parse_args().requests
    with tempfile.TemporaryDirectory(prefix="brickyard-bench-") as directory:
        home = WorkspaceHome(Path(directory) / "home")
        try:
            workspace = home.start("bench")
            frame = save_booster(Path(directory) / "model")
            serve(workspace, "plain", Path(directory) / "model")
            keep(workspace)
            body = json.dumps({"dataframe_split": {"columns": list(frame), "data": frame.head(1).to_numpy().tolist()}})
            times = measure(workspace, body, count)
            figures = {name: percentiles(found) for name, found in times.items()}
            ratios = {cut: round(figures["kept"][cut] / figures["plain"][cut], 2) for cut in figures["plain"]}
            rows = kept_rows(workspace)
        finally:
            home.close()
    print(json.dumps({**figures, "ratio": ratios, "asked": len(times["kept"]), "rows": rows}, indent=2))


def keep(workspace: LocalWorkspace) -> None:
    """A second endpoint of the same model, with an inference table."""
    from databricks.sdk.service.serving import AutoCaptureConfigInput, EndpointCoreConfigInput, ServedEntityInput

    entity = ServedEntityInput(entity_name="main.default.plain", entity_version="champion", name="kept")
    table = AutoCaptureConfigInput("main", True, "default", "kept")
    config = EndpointCoreConfigInput(name="kept", served_entities=[entity], auto_capture_config=table)
    workspace.client().serving_endpoints.create_and_wait("kept", config=config)


def measure(workspace: LocalWorkspace, body: str, count: int) -> dict[str, list[float]]:
    """The time of each request to both endpoints, in milliseconds."""
    address = urlsplit(workspace.host)
    headers = {"Authorization": f"Bearer {workspace.token}", "Content-Type": "application/json"}
    connections = {name: http.client.HTTPConnection(address.hostname or "", address.port) for name in ("plain", "kept")}
    times: dict[str, list[float]] = {name: [] for name in connections}
    while len(times["kept"]) < count:
        for name, connection in connections.items():
            for _ in range(_TURN):
                begun = time.perf_counter()
                connection.request("POST", f"/serving-endpoints/{name}/invocations", body, headers)
                reply = connection.getresponse()
                answer = reply.read()
                times[name].append((time.perf_counter() - begun) * 1000)
                if reply.status != 200:
                    raise SystemExit(f"the endpoint answered {reply.status}: {answer.decode()}")
    return times


def percentiles(times: list[float]) -> dict[str, float]:
    """Without the first turn, in which both endpoints warm up."""
    cuts = statistics.quantiles(times[_TURN:], n=100)
    return {"p50_ms": round(cuts[49], 3), "p99_ms": round(cuts[98], 3)}


def kept_rows(workspace: LocalWorkspace) -> int:
    """The rows of the table, after it was turned off, which writes what waits."""
    from databricks.sdk.service.serving import AutoCaptureConfigInput, ServedEntityInput

    client = workspace.client()
    entity = ServedEntityInput(entity_name="main.default.plain", entity_version="champion", name="kept")
    off = AutoCaptureConfigInput("main", False, "default", "kept")
    client.serving_endpoints.update_config_and_wait("kept", served_entities=[entity], auto_capture_config=off)
    warehouse = next(iter(client.warehouses.list())).id or ""
    text = "SELECT count(*) FROM main.default.kept_payload"
    answer = client.statement_execution.execute_statement(text, warehouse, wait_timeout="50s")
    rows = answer.result.data_array if answer.result else None
    return int(rows[0][0]) if rows else 0


if __name__ == "__main__":
    main()
