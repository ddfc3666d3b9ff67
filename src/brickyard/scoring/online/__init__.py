"""The online scoring server: MLflow's scoring protocol over HTTP for one model."""

from brickyard.scoring.online.protocol import Answer, Protocol
from brickyard.scoring.online.server import listen, serve

__all__ = ["Answer", "Protocol", "listen", "serve"]
