"""A gateway as a task has it, and the fork server behind it: prints where it listens."""

from __future__ import annotations

import json
import os
import sys

from brickyard.workspace.compute.channel import Channel
from brickyard.workspace.compute.forkserver import ForkServer, finish
from brickyard.workspace.compute.processes import adopt_orphans
from tests.workspace.catalog.kill_points import arm


def main() -> None:
    host, token, data, scratch, text = sys.argv[1:]
    more = json.loads(text)
    if killed := more.pop("kill", None):
        arm(*killed)
    ours, theirs = Channel.pair()
    if os.fork() == 0:
        ours.close()
        adopt_orphans()
        os._exit(finish(ForkServer(theirs).serve(1)))
    theirs.close()
    where = {"api_url": host, "token": token, "data": data, "scratch": scratch, "search_path": sys.path}
    ours.send({"do": "engine", "id": 1, "environ": dict(os.environ)} | where | more)
    while True:
        for message in ours.receive():
            if "remote" in message:
                print(message["remote"], flush=True)
            elif "error" in message or message.get("event") == "exited":
                sys.exit(f"the engine did not start: {message}")


if __name__ == "__main__":
    main()
