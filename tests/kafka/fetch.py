"""Fetches from Maven Central the pinned Apache Kafka into ``.cache/kafka``, and what the Java example needs beside it.

``python -m tests.kafka.fetch`` does it ahead of the tests. It takes Java 17 and Maven, which are installed where they
are missing and we are root on Debian.
"""

from __future__ import annotations

import hashlib
import os
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

POM = Path(__file__).with_name("pom.xml")
ROOT = Path(__file__).parents[2]
CACHE = ROOT / ".cache" / "kafka"
EXAMPLE_POM = ROOT / "docs" / "examples" / "pom.xml"
EXAMPLE_CACHE = ROOT / ".cache" / "java-example"
JAVA_MIN = 17
PLUGIN = "org.apache.maven.plugins:maven-dependency-plugin:3.8.1:copy-dependencies"


class FetchError(Exception):
    """Kafka can't be had here; says what is missing."""


def kafka_libs() -> Path:
    """The folder of Kafka's jars, fetched on first use."""
    return _libs(POM, CACHE, "kafka_*.jar")


def example_libs() -> Path:
    """The same for docs/examples, which also takes a Java compiler."""
    require_java("mvn", "javac")
    return _libs(EXAMPLE_POM, EXAMPLE_CACHE, "avro-*.jar")


def _libs(pom: Path, cache: Path, needed: str) -> Path:
    """The jars of ``pom``, one that is ``needed`` among them; a change of it fetches anew."""
    libs = cache / hashlib.sha256(pom.read_bytes()).hexdigest()[:12]
    if libs.is_dir():
        return libs
    require_java("mvn")
    cache.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=cache) as scratch:
        fresh = Path(scratch) / "libs"
        command = ["mvn", "-q", "-B", "-f", str(pom), PLUGIN, f"-DoutputDirectory={fresh}", "-DincludeScope=runtime"]
        fetched = subprocess.run(command, capture_output=True, text=True)
        if fetched.returncode or not any(fresh.glob(needed)):
            raise FetchError(f"Maven could not fetch the jars:\n{(fetched.stdout + fetched.stderr)[-2000:]}")
        if not libs.is_dir():  # two test runs may fetch at once: the first one wins
            fresh.rename(libs)
    return libs


def require_java(*also: str) -> None:
    """Java 17 or newer, and ``also``. Raises FetchError, naming what is missing."""
    missing = _missing(also)
    if missing and shutil.which("apt-get") and os.geteuid() == 0:
        quiet = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
        java = "openjdk-17-jdk-headless" if "javac" in also else "openjdk-17-jre-headless"
        packages = [java, *(["maven"] if "mvn" in also else [])]
        for step in (["update", "-q"], ["install", "-q", "-y", "--no-install-recommends", *packages]):
            subprocess.run(["apt-get", *step], env=quiet, stdout=sys.stderr, check=False)
        missing = _missing(also)
    if missing:
        raise FetchError(
            f"the tests run a real Apache Kafka and a Java producer, which need {' and '.join(missing)}: please install"
        )


def _missing(also: tuple[str, ...]) -> list[str]:
    names = {"mvn": "Maven (mvn)", "javac": "a Java compiler (javac)"}
    missing = [names.get(name, name) for name in also if shutil.which(name) is None]
    return missing if _java_version() >= JAVA_MIN else [f"Java {JAVA_MIN} or newer", *missing]


def _java_version() -> int:
    if shutil.which("java") is None:
        return 0
    said = subprocess.run(["java", "-version"], capture_output=True, text=True).stderr
    version = re.search(r'version "(\d+)', said)
    return int(version[1]) if version else 0


if __name__ == "__main__":
    try:
        print(kafka_libs().name, example_libs().name)
    except FetchError as error:
        sys.exit(str(error))
