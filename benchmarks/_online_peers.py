"""Model servers that `online_scoring.py` compares: how each is installed, what it is given, how it is started."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

PYFUNC = """
import mlflow.pyfunc, pandas as pd

def predict(model, split):
    return model.predict(pd.DataFrame(split["data"], columns=split["columns"])).tolist()
"""
BENTO = """
import bentoml, mlflow.pyfunc
from pyfunc import predict

@bentoml.service
class Scoring:
    def __init__(self):
        self.model = mlflow.pyfunc.load_model({model!r})

    @bentoml.api(route="/invocations")
    def invocations(self, dataframe_split: dict) -> dict:
        return {{"predictions": predict(self.model, dataframe_split)}}
"""
LITSERVE = """
import litserve, mlflow.pyfunc
from pyfunc import predict

class Scoring(litserve.LitAPI):
    def setup(self, device):
        self.model = mlflow.pyfunc.load_model({model!r})

    def decode_request(self, request):
        return request["dataframe_split"]

    def predict(self, split):
        return predict(self.model, split)

    def encode_response(self, output):
        return {{"predictions": output}}

if __name__ == "__main__":
    api = Scoring(api_path="/invocations")
    litserve.LitServer(api, accelerator="cpu").run(host="127.0.0.1", port={port}, generate_client_file=False)
"""
# What any server in Python costs here at least: the same answer to everything, without a model.
NOTHING = """
import asyncio, uvloop

HEAD = b"HTTP/1.1 200 OK\\r\\ncontent-type: application/json\\r\\ncontent-length: 20\\r\\n\\r\\n"
ANSWER = HEAD + b'{{"predictions": [1]}}'

class Protocol(asyncio.Protocol):
    def connection_made(self, transport):
        self.transport = transport

    def data_received(self, data):
        if data.endswith(b"}}}}"):
            self.transport.write(ANSWER)

async def main():
    server = await asyncio.get_running_loop().create_server(Protocol, "127.0.0.1", {port})
    await server.serve_forever()

uvloop.run(main())
"""
QUIET = {
    "MLFLOW_DISABLE_TELEMETRY": "true",
    "BENTOML_DO_NOT_TRACK": "true",
    "DO_NOT_TRACK": "1",
    "LIT_DISABLE_ANALYTICS": "1",
}


@dataclass(frozen=True)
class Peer:
    """A model server.

    Attributes:
        name: What it is called in the figures.
        packages: What is installed for it; nothing where the environment that runs this has it.
        command: How it is started; `{model}`, `{port}` and `{bin}` are filled in.
        files: What it is given, by name, filled in likewise.
    """

    name: str
    packages: tuple[str, ...]
    command: tuple[str, ...]
    files: Mapping[str, str] = field(default_factory=dict, hash=False)

    def install(self, scratch: Path) -> Path | None:
        """Install it into an environment of its own; its `bin`, or none where it does not install here."""
        if not self.packages:
            return Path(sys.executable).parent
        uv, home = [sys.executable, "-m", "uv"], scratch / self.name
        subprocess.run([*uv, "venv", "-q", "--python", sys.executable, str(home)], check=True)
        python = home / "bin" / "python"
        command = [*uv, "pip", "install", "-q", "--compile-bytecode", "--python", str(python), *self.packages, *MODELS]
        done = subprocess.run(command, capture_output=True, text=True)
        if done.returncode != 0:
            print(f"{self.name} does not install here: {done.stderr.strip().splitlines()[-1:]}")
            return None
        return home / "bin"

    def start(self, bin_directory: Path, directory: Path, model: Path, port: int) -> subprocess.Popen[bytes]:
        """Start it; it is asked until it answers."""
        directory.mkdir(parents=True)
        (directory / "pyfunc.py").write_text(PYFUNC)
        given = {"model": str(model), "port": port, "bin": str(bin_directory)}
        for name, text in self.files.items():
            (directory / name).write_text(text.format(**given))
        environ = os.environ | QUIET | {"PATH": f"{bin_directory}:{os.environ['PATH']}"}
        with (directory / "log").open("wb") as log:
            command = [part.format(**given) for part in self.command]
            return subprocess.Popen(command, cwd=directory, env=environ, stdout=log, stderr=log, start_new_session=True)


def _json(settings: dict[str, object]) -> str:
    """JSON with fields to fill in."""
    text = json.dumps(settings).replace("{", "{{").replace("}", "}}")
    return text.replace('"<port>"', "{port}").replace("<model>", "{model}")


MODELS = ("mlflow==3.17.2", "scikit-learn", "lightgbm==4.7.0", "pandas<3")
MLSERVER_MODEL = {
    "name": "model",
    "implementation": "mlserver_mlflow.MLflowRuntime",
    "parameters": {"uri": "<model>"},
}
MLSERVER_SETTINGS = {"http_port": "<port>", "host": "127.0.0.1", "grpc_port": 0, "metrics_port": 0, "debug": False}
PEERS = (
    Peer("brickyard", (), ("{bin}/python", "-m", "brickyard", "serve", "{model}", "--port", "{port}")),
    Peer(
        "mlflow models serve",
        (),
        ("{bin}/mlflow", "models", "serve", "-m", "{model}", "-p", "{port}", "--env-manager", "local"),
    ),
    Peer(
        "mlserver",
        ("mlserver==1.7.1", "mlserver-mlflow==1.7.1", "uvloop<0.22"),
        ("{bin}/mlserver", "start", "."),
        {"settings.json": _json(MLSERVER_SETTINGS), "model-settings.json": _json(MLSERVER_MODEL)},
    ),
    Peer(
        "bentoml",
        ("bentoml==1.4.39",),
        ("{bin}/bentoml", "serve", "service:Scoring", "--host", "127.0.0.1", "--port", "{port}"),
        {"service.py": BENTO},
    ),
    Peer("no model", (), ("{bin}/python", "nothing.py"), {"nothing.py": NOTHING}),
    Peer("litserve", ("litserve==0.2.19",), ("{bin}/python", "server.py"), {"server.py": LITSERVE}),
)
