"""Libraries and environments of jobs: what is refused by name, and what pip is asked for."""

from __future__ import annotations

from typing import Any

import pytest

from brickyard.workspace.api.errors import InvalidParameterValue
from brickyard.workspace.jobs.settings import normalise
from brickyard.workspace.libraries.kinds import check_library, label_of, uninstallable, words_of

WRONG: list[tuple[dict[str, Any], str]] = [
    ({"maven": {"repo": "https://h"}}, "maven.coordinates is required"),
    ({"cran": {"package": " "}}, "cran.package is required"),
    ({"whl": "/Workspace/x.zip"}, "whl must be the path of a .whl file"),
    ({"whl": "s3://bucket/x.whl"}, "in the storage of a cloud"),
    ({"requirements": "/Workspace/x.toml"}, "requirements must be the path of a .txt file"),
    ({"pypi": {"package": "not a requirement"}}, "pypi.package 'not a requirement' is none"),
    ({"pypi": {"package": "-r /etc/passwd"}}, "pypi.package must be a requirement"),
    ({"pypi": {"package": "x", "repo": "elsewhere"}}, "pypi.repo must be the address"),
    ({}, "this one has none"),
    ({"pypi": {"package": "x"}, "whl": "/Workspace/x.whl"}, "this one has pypi, whl"),
]


@pytest.mark.parametrize(("library", "message"), WRONG)
def test_libraries_that_cannot_be_installed_are_refused_by_name(library: dict[str, Any], message: str) -> None:
    with pytest.raises(InvalidParameterValue) as raised:
        check_library("task 't'", library)
    assert raised.value.message.startswith("task 't': ") and message in raised.value.message


@pytest.mark.parametrize(
    ("library", "label", "why"),
    [
        ({"egg": "/Workspace/x.egg"}, 'egg: "/Workspace/x.egg"', "not supported from Databricks Runtime 14.0 on"),
        ({"jar": "/Volumes/a/b/c/x.jar"}, 'jar: "/Volumes/a/b/c/x.jar"', "no libraries for Java"),
        ({"maven": {"coordinates": "a:b:1"}}, 'maven: "a:b:1"', "no libraries for Java"),
        ({"cran": {"package": "x", "repo": "https://h"}}, 'cran: "x"', "does not execute R"),
    ],
)
def test_libraries_for_other_languages_are_accepted_and_cannot_be_installed(
    library: dict[str, Any], label: str, why: str
) -> None:
    check_library("task 't'", library)
    assert why in (uninstallable(library) or "")
    assert (words_of(library), label_of(library)) == ([], label)
    assert uninstallable({"whl": "/Workspace/x.whl"}) is None


def test_what_pip_is_asked_for() -> None:
    assert words_of({"pypi": {"package": "numpy==2", "repo": "https://h/simple"}}) == [
        "--extra-index-url",
        "https://h/simple",
        "numpy==2",
    ]
    assert words_of({"whl": "/Workspace/x.whl"}) == ["/Workspace/x.whl"]


ENVIRONMENTS: list[tuple[dict[str, Any], str]] = [
    ({"base_environment": "workspace-base-environments/x"}, "base_environment is not supported here"),
    ({"java_dependencies": ["/Volumes/x.jar"]}, "java_dependencies is not supported here"),
    ({"project_environment": "/Workspace/pyproject.toml"}, "project_environment is not supported here"),
    ({"environment_version": "99"}, "environment_version '99' is none; there are 1, 2, 3, 4, 5"),
    ({"environment_version": "2", "client": "1"}, "is the earlier name of environment_version"),
    ({"dependencies": ["-e /Workspace/x"]}, "-e is not supported here"),
    ({"dependencies": ["a\nb"]}, "one line of a requirements file"),
    ({"dependencies": ["-r 'x"]}, "cannot be read"),
    ({"dependencies": ["/Volumes/a/b/c/x.jar"]}, "no Python library"),
]


@pytest.mark.parametrize(("spec", "message"), ENVIRONMENTS)
def test_environments_that_cannot_be_made_are_refused_by_name(spec: dict[str, Any], message: str) -> None:
    task = {"task_key": "t", "environment_key": "e", "spark_python_task": {"python_file": "/Workspace/x.py"}}
    with pytest.raises(InvalidParameterValue) as raised:
        normalise({"tasks": [task], "environments": [{"environment_key": "e", "spec": spec}]})
    assert raised.value.message.startswith("environment 'e': ") and message in raised.value.message


def test_environments_as_jobs_have_them() -> None:
    lines = [
        "numpy>=2",
        "-r /Workspace/x.txt",
        "--index-url https://h/simple",
        "/Volumes/a/b/c/x.whl",
        "x @ https://h/x",
    ]
    task = {"task_key": "t", "environment_key": "e", "spark_python_task": {"python_file": "/Workspace/x.py"}}
    for version in ({"client": "1"}, {"environment_version": "4"}):
        spec = {**version, "dependencies": lines}
        settings = normalise({"tasks": [task], "environments": [{"environment_key": "e", "spec": spec}]})
        assert settings["environments"][0]["spec"] == spec
