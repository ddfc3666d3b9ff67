"""Clusters: their definitions, states and events, and a live Spark engine for each that runs."""

from brickyard.workspace.clusters.claims import Claim, ClusterUnavailable
from brickyard.workspace.clusters.records import ClusterRecord
from brickyard.workspace.clusters.service import Clusters, build

__all__ = ["Claim", "ClusterRecord", "ClusterUnavailable", "Clusters", "build"]
