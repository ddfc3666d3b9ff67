"""Writes small projects for tests."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from textwrap import dedent

from brickyard.project import Project, ProjectFaults, load_project

NOTEBOOK = "# Databricks notebook source\nprint('hello')\n"

JOB = """
bundle: {name: flights}
resources:
  jobs:
    train:
      tasks:
        - task_key: fit
          notebook_task: {notebook_path: notebooks/train.py}
"""


def write(root: Path, files: Mapping[str, str]) -> Path:
    """Write files below a directory; returns the directory."""
    for name, text in {"notebooks/train.py": NOTEBOOK, **files}.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(dedent(text).lstrip("\n"))
    return root


def load(root: Path, files: Mapping[str, str], target: str | None = None, **more: object) -> Project:
    """Write a project and load it."""
    return load_project(write(root, files), target, **more)


def faults_of(root: Path, files: Mapping[str, str], target: str | None = None, **more: object) -> list[str]:
    """The faults of a project, as a user reads them."""
    try:
        load(root, files, target, **more)
    except ProjectFaults as error:
        return [str(fault) for fault in error.faults]
    return []
