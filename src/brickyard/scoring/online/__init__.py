"""The online scoring server: MLflow's scoring protocol over HTTP for one model."""

from brickyard.scoring.online.answer import Answer, Request
from brickyard.scoring.online.limits import Limits
from brickyard.scoring.online.protocol import Protocol
from brickyard.scoring.online.server import listen, serve
from brickyard.scoring.online.workers import forks_when_loaded, serve_by_workers

__all__ = ["Answer", "Limits", "Protocol", "Request", "forks_when_loaded", "listen", "serve", "serve_by_workers"]
