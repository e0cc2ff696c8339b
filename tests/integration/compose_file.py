"""docker-compose.yml and the Dockerfile as tests read them: a service's exact command, user and environment."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML

from tests.integration.container_room import Recipe

ROOT = Path(__file__).parents[2]
DEFAULT = re.compile(r"\$\{[A-Z_]+:-((?:[^{}]|\{[^{}]*\})*)\}")


def compose() -> dict[str, Any]:
    """The whole file with its anchors merged and its variables at their defaults."""
    text = (ROOT / "docker-compose.yml").read_text()
    while DEFAULT.search(text):
        text = DEFAULT.sub(lambda found: found[1], text)
    loaded: dict[str, Any] = YAML(typ="safe", pure=True).load(text)
    return loaded


def image_settings() -> tuple[dict[str, str], str]:
    """The environment and the working directory that the Dockerfile gives to every service."""
    text = (ROOT / "Dockerfile").read_text().replace("\\\n", " ")
    (line,) = re.findall(r"^ENV (.*)$", text, re.MULTILINE)
    bare = text.split("AS bare", 1)[1]
    directory = re.findall(r"^WORKDIR (\S+)$", bare, re.MULTILINE)[0]
    return dict(pair.split("=", 1) for pair in line.split()), directory


def recipe(name: str, *, programs: Path, store: Path, host_environ: Mapping[str, str]) -> Recipe:
    """The container of one service. ``programs`` stands for the image's environment, ``store`` for the volume.

    A variable without a value is passed on from ``host_environ``, as Compose does, if it is set there.
    """
    service = compose()["services"][name]
    image_environ, directory = image_settings()
    declared = service.get("environment", {})
    passed_on = {key: host_environ[key] for key, value in declared.items() if value is None and key in host_environ}
    environ = image_environ | {key: str(value) for key, value in declared.items() if value is not None} | passed_on
    sources = {"bind": lambda volume: ROOT / volume["source"], "volume": lambda _: store}
    binds = [
        (sources[volume["type"]](volume), volume["target"], "ro" if volume.get("read_only") else "rw")
        for volume in service.get("volumes", [])
    ]
    image = programs.parent
    binds += [(image, "/opt/fairtrial", "ro"), (image, str(image), "ro")]
    return Recipe(name, service["command"], environ, directory, service["user"], binds)
