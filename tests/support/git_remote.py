"""A Git repository that tests commit to."""

from __future__ import annotations

import subprocess
from pathlib import Path

__all__ = ["NOTEBOOK", "GitRemote", "git", "tagged_remote"]

NOTEBOOK = "# Databricks notebook source\nprint('from git')\n"

_MINE = {"GIT_AUTHOR_NAME": "a", "GIT_AUTHOR_EMAIL": "a@b", "GIT_COMMITTER_NAME": "a", "GIT_COMMITTER_EMAIL": "a@b"}


def git(directory: Path, *arguments: str) -> str:
    """What a command of git prints."""
    environ = {"PATH": "/usr/bin:/bin:/usr/local/bin", "HOME": str(directory), **_MINE}
    done = subprocess.run(["git", *arguments], cwd=directory, env=environ, check=True, capture_output=True, text=True)
    return done.stdout.strip()


class GitRemote:
    """A repository with files of one commit, and `main` as its branch."""

    def __init__(self, directory: Path, files: dict[str, str]) -> None:
        directory.mkdir()
        self.directory = directory
        git(directory, "init", "--quiet", "--initial-branch", "main")
        self.first = self.commit(files)

    @property
    def url(self) -> str:
        return self.directory.as_uri()

    def commit(self, files: dict[str, str]) -> str:
        """Commit these files; answers the commit."""
        for name, text in files.items():
            path = self.directory / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)
        git(self.directory, "add", "--all")
        git(self.directory, "commit", "--quiet", "--message", "a change")
        return git(self.directory, "rev-parse", "HEAD")


def tagged_remote(directory: Path) -> GitRemote:
    """A repository with a notebook, a module and a README, whose first commit is tagged `v1`."""
    made = GitRemote(directory, {"notebooks/train.py": NOTEBOOK, "src/lib.py": "x = 1\n", "README.md": "one\n"})
    git(directory, "tag", "v1")
    return made
