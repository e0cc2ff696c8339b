"""docs/how-to/run-in-containers.md: its commands act on containers in namespaces as they would on those of an engine.

`Compose` takes the words of each line. The programs, users, files, networks and variables are those that the compose
file and the Dockerfile declare, and a command inside a container runs as printed. Options of the engine, such as
`--build` and `--publish`, do nothing here. No image is built: the installed wheel stands for it, so the page's upgrade
is not run.
"""

from __future__ import annotations

import json
import re
import shlex
import shutil
from collections.abc import Iterator
from itertools import pairwise, takewhile
from pathlib import Path

import pytest

from fairtrial.domain.promises import EXIT_CODES
from tests.fixtures.containers.container_room import Recipe, room_refused
from tests.fixtures.containers.container_stack import FIRST_KEY, INVITATION, SERVICES, Stack, stack_in
from tests.fixtures.docs.command_blocks import command_blocks, commands
from tests.fixtures.paths import ROOT
from tests.fixtures.services.clean_environment import MODELS, RUNTIME, build_wheel, make_environment
from tests.fixtures.services.compose_file import image_settings
from tests.fixtures.waiting import until

pytestmark = [
    pytest.mark.models,
    pytest.mark.release("containers"),
    pytest.mark.skipif(room_refused() is not None, reason=f"no namespaces here: {room_refused()}"),
]
PAGE = "docs/how-to/run-in-containers.md"
ASSIGNED = re.compile(r"[A-Z_]+=")
SUITE = """\
suite: mine
data: mine.jsonl
params: {max_tokens: 8}
score:
  - contains
gate:
  - contains >= 0%
"""
GATE = "version: 1\ngate: my-release\nsuites: [suites/my.yaml]\nform_only: a walk through the page\n"


class Compose:
    """What `docker` would do with a project's folder, by the words of a command; ``said``: what commands printed."""

    def __init__(self, stack: Stack, folder: Path) -> None:
        self.stack, self.folder = stack, folder
        self.said: list[str] = []

    def run(self, line: str) -> None:
        words = shlex.split(line, comments=True)
        assigned = list(takewhile(ASSIGNED.match, words))
        for name, value in (word.split("=", 1) for word in assigned):
            self.stack.environ[name] = str(self.folder / value) if value.startswith("./") else value
        match words[len(assigned) :]:
            case []:
                self._up([])  # the page means the next start
            case ["docker", "compose", "--profile", profile, "up", *_]:
                self._up([profile])
            case ["docker", "compose", "up", *_]:
                self._up([])
            case ["docker", "compose", "logs", name]:
                self.said.append(self.stack[name].said())
            case ["docker", "compose", "exec", name, *command]:
                self._exec(name, command)
            case ["docker", "compose", "cp", source, to]:
                name, _, path = source.partition(":")
                shutil.copytree(self._outside(name, path), self.folder / to)
            case ["docker", "run", *options, image]:
                self._run_one(options, image)
            case _:
                raise AssertionError(f"{PAGE}: nothing here does this: {line}")

    def _up(self, profiles: list[str]) -> None:
        """Start the services of these profiles; one whose settings have changed is replaced."""
        names = [name for name, service in SERVICES.items() if set(service.get("profiles", profiles)) <= set(profiles)]
        for name in names:
            running = self.stack.room.containers.get(name)
            if running and running.recipe != self.stack.recipe(name):
                assert running.stop() == 0, running.said()
        self.stack.up(*(name for name in names if not self._runs(name)))

    def _runs(self, name: str) -> bool:
        container = self.stack.room.containers.get(name)
        return container is not None and container.process.poll() is None

    def _exec(self, name: str, command: list[str]) -> None:
        """A command inside; the id of the key is the one that the list before has printed."""
        if "KEY_ID" in command:
            rows = json.loads(self.stack.fairtrial(name, "keys", "list", "--json"))
            command[command.index("KEY_ID")] = next(row["key_id"] for row in rows if row["name"] == "my-app")
        done = self.stack[name].run(command)
        allowed = EXIT_CODES.values() if "gate" in command else (0,)
        assert done.returncode in allowed, f"{command}\n{done.stdout}{done.stderr}"
        self.said.append(done.stdout)

    def _outside(self, name: str, path: str) -> Path:
        """The place on this machine of a path inside a container."""
        binds = self.stack[name].recipe.binds
        source, target = next((source, target) for source, target, _ in binds if path.startswith(target + "/"))
        return source / path.removeprefix(target + "/")

    def _run_one(self, options: list[str], image: str) -> None:
        """One container with all services, which the image's default command starts; its volume is a new one."""
        assert image == "fairtrial"
        given = [value for option, value in pairwise(options) if option == "--volume"]
        environ, directory = image_settings()
        like = self.stack.recipe("control")
        binds = [bind for bind in like.binds if bind[1] not in ("/data", "/etc/fairtrial")]
        for volume in given:
            source, target, *mode = volume.split(":")
            outside = self.folder / source if source.startswith("./") else self.stack.volume(source)
            binds.append((outside, target, mode[0] if mode else "rw"))
        command = json.loads(re.findall(r"^CMD (\[.*\])$", (ROOT / "Dockerfile").read_text(), re.MULTILINE)[0])
        one = self.stack.room.start(Recipe("second", command, environ, directory, like.user, binds))
        health = ["fairtrial", "health", "http://127.0.0.1:8081/livez", "http://127.0.0.1:8080/readyz"]
        until(lambda: one.listens() and one.run(health).returncode == 0, one.said)
        for inside in (
            ["dashboard", "--link"],
            ["accounts", "invite", "--role", "admin"],
            ["keys", "create", "my-app"],
        ):
            done = one.run(["fairtrial", *inside])
            assert done.returncode == 0, done.stderr


@pytest.fixture(name="stack")
def stack_fixture(tmp_path: Path) -> Iterator[Stack]:
    image = tmp_path / "image"
    image.mkdir()
    programs = make_environment(image / "fairtrial", build_wheel(image), RUNTIME, MODELS)
    with stack_in(tmp_path, programs) as stack:
        yield stack


def test_the_commands_of_the_page_about_containers_work_as_they_are_printed(stack: Stack, tmp_path: Path) -> None:
    project = tmp_path / "my-project"
    shutil.copytree(ROOT / "examples" / "compose", project)
    for name, text in {
        "suites/my.yaml": SUITE,
        "suites/mine.jsonl": '{"id": "a", "input": "Say hello.", "expected": "hello"}\n',
        "my.gate.yaml": GATE,
    }.items():
        (project / name).parent.mkdir(exist_ok=True)
        (project / name).write_text(text, encoding="utf-8")
    compose = Compose(stack, tmp_path)
    executed = [one.block for one in command_blocks() if one.block.page == PAGE and one.test]
    for block in executed:
        for line in commands(block):
            compose.run(line)
    first = next(text for text in compose.said if FIRST_KEY.search(text))
    assert INVITATION.search(first)
    assert (tmp_path / "monday").is_dir()
    link = stack.fairtrial("control", "accounts", "invite", "--role", "admin")
    assert link.startswith("https://trial.example.org:8081/invitation/")
