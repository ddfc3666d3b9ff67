"""A project's files as a typed, validated `Project` with source positions; no network, no clock."""

from brickyard.project.faults import Fault, Position, ProjectFaults
from brickyard.project.loader import load_project
from brickyard.project.policy import Bar, ChampionRule, Environment, Gate, ModelPolicy, RolloutPolicy, ScoringPolicy
from brickyard.project.project import Artifact, Project, Resource, Sync, WorkspaceSettings

__all__ = [
    "Artifact",
    "Bar",
    "ChampionRule",
    "Environment",
    "Fault",
    "Gate",
    "ModelPolicy",
    "Position",
    "Project",
    "ProjectFaults",
    "Resource",
    "RolloutPolicy",
    "ScoringPolicy",
    "Sync",
    "WorkspaceSettings",
    "load_project",
]
