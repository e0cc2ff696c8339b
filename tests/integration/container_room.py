"""Containers without an engine: each service in namespaces of its own for processes, files and network, on one bridge.

What an engine would do is done with the same means of the kernel (unshare, bind mounts, veth pairs, no privileges), so
that locks, addresses, signals and files are as they are between containers. Needs Linux and either root or the right
to make user namespaces; `room_refused` says what is missing.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import sysconfig
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path

START = Path(__file__).with_name("container_start.sh")
PUBLISH = Path(__file__).with_name("container_publish.py")
BRIDGE, PREFIX = "room", "10.77.0."
WAIT = ("sh", "-c", "echo in; exec sleep 3600")
"""Keeps the namespaces that it was started in."""
ROOTLESS = os.geteuid() != 0
PATIENCE = 180.0


@cache
def room_refused() -> str | None:
    """Why containers can't be imitated here; ``None`` if they can."""
    user = ["--user", "--map-root-user"] if ROOTLESS else []
    probe = "ip link add probe type bridge && ip link add probe1 type veth peer name probe2 && mount -t tmpfs none /mnt"
    command = ["unshare", *user, "--net", "--mount", "--pid", "--fork", "sh", "-c", probe]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=PATIENCE, check=False)
    except OSError as error:
        return str(error)
    return None if done.returncode == 0 else done.stderr.strip()


@dataclass(frozen=True, slots=True)
class Recipe:
    """One container: what it runs, with which environment, from which folder, and what of this machine it sees."""

    name: str
    command: Sequence[str]
    environ: Mapping[str, str]
    directory: str
    user: str
    binds: Sequence[tuple[Path, str, str]]


@dataclass(slots=True)
class Container:
    """A running one; ``pid`` is its first program's, as this machine counts."""

    recipe: Recipe
    process: subprocess.Popen[bytes]
    pid: int
    output: Path
    environment: Path = field(repr=False)

    def said(self) -> str:
        return self.output.read_text(errors="replace")

    def run(self, command: Sequence[str], *, timeout: float = PATIENCE) -> subprocess.CompletedProcess[str]:
        """A second program in the same container, as `docker compose exec` and health checks run it."""
        given = [f"{name}={value}" for name, value in self.recipe.environ.items()]
        user = ["--user", "--preserve-credentials"] if ROOTLESS else []
        spaces = ["--mount", "--pid", "--net", "--ipc", "--uts", "--root"]
        enter = ["nsenter", "--target", str(self.pid), *user, *spaces, "--"]
        inside = ["/usr/bin/env", f"--chdir={self.recipe.directory}", "-i", *given, *privileges(self.recipe), *command]
        return subprocess.run([*enter, *inside], capture_output=True, text=True, timeout=timeout, check=False)

    def stop(self) -> int:
        """SIGTERM to the first program; returns how it ended."""
        if self.process.poll() is None:
            os.kill(self.pid, signal.SIGTERM)
        return self.process.wait(PATIENCE)

    def kill(self) -> None:
        """SIGKILL to the first program, with which all others of the container die."""
        if self.process.poll() is None:
            os.kill(self.pid, signal.SIGKILL)
        self.process.wait(PATIENCE)


def privileges(recipe: Recipe) -> list[str]:
    ids = recipe.user.split(":")
    who = [] if ROOTLESS else [f"--reuid={ids[0]}", f"--regid={ids[1]}", "--clear-groups"]
    return ["setpriv", *who, "--inh-caps=-all", "--bounding-set=-all", "--no-new-privs", "--"]


class Room:
    """The host of some containers: a network with a bridge, and an address for each name. Use as a context."""

    def __init__(self, folder: Path, names: Sequence[str]) -> None:
        self.folder = folder
        self.addresses = {name: f"{PREFIX}{number}" for number, name in enumerate(names, 2)}
        self.containers: dict[str, Container] = {}
        self._networks: dict[str, subprocess.Popen[bytes]] = {}

    def __enter__(self) -> Room:
        user = ["--user", "--map-root-user"] if ROOTLESS else []
        self._host = self._holder(["unshare", *user, "--net", *WAIT])
        self._in_host(f"ip link set lo up; ip link add {BRIDGE} type bridge; ip link set {BRIDGE} up")
        self._in_host(f"ip addr add {PREFIX}1/24 dev {BRIDGE}")
        lines = [f"{address} {name}" for name, address in self.addresses.items()]
        (self.folder / "hosts").write_text("\n".join(["127.0.0.1 localhost", *lines, ""]))
        return self

    def __exit__(self, *_: object) -> None:
        for container in reversed(list(self.containers.values())):
            container.kill()
        for holder in (*self._networks.values(), self._host):
            with holder:  # waits, and closes its pipe
                holder.kill()

    def start(self, recipe: Recipe) -> Container:
        """Start it; a container of the same name must have ended. Its output is appended to one file."""
        network = self._networks.get(recipe.name) or self._wire(recipe.name)
        root = self.folder / f"{recipe.name}.root"
        root.mkdir(exist_ok=True)
        binds, environment = self.folder / f"{recipe.name}.binds", self.folder / f"{recipe.name}.environment"
        binds.write_text(
            "".join(f"{source} {target} {mode}\n" for source, target, mode in (*base_binds(), *recipe.binds))
        )
        environment.write_text("".join(f"{name}={value}\n" for name, value in recipe.environ.items()))
        ids = "-" if ROOTLESS else recipe.user.replace(":", " ")
        inner = ["unshare", "--mount", "--pid", "--ipc", "--uts", "--fork", "--kill-child"]
        script = ["sh", str(START), str(root), str(binds), str(self.folder / "hosts"), ids, str(environment)]
        output = self.folder / f"{recipe.name}.out"
        with output.open("ab") as out:
            process = subprocess.Popen(
                [*self._enter(network), *inner, *script, recipe.directory, *recipe.command],
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=out,
            )
        container = Container(recipe, process, first_program(process), output, environment)
        self.containers[recipe.name] = container
        return container

    def publish(self, ports: Mapping[str, str]) -> None:
        """Make ports of containers reachable on the host: by name, as the compose file writes them."""
        rules = []
        for name, port in ports.items():
            host, inside = port.rsplit(":", 1)
            rules.append(f"{host}={self.addresses[name]}:{inside}")
        command = [*self._enter(self._host), sys.executable, str(PUBLISH), *rules]
        self._networks["published"] = self._holder(command, begun=b"published\n")

    def run(self, command: Sequence[str], *, timeout: float = PATIENCE) -> subprocess.CompletedProcess[str]:
        """A program of this machine in the network of the room, as one that uses the published ports."""
        full = [*self._enter(self._host), *command]
        return subprocess.run(full, capture_output=True, text=True, timeout=timeout, check=False)

    def _wire(self, name: str) -> subprocess.Popen[bytes]:
        """A network of its own for one container, with a cable to the bridge."""
        holder = self._networks[name] = self._holder([*self._enter(self._host), "unshare", "--net", *WAIT])
        cable = f"v{len(self._networks)}"
        self._in_host(f"ip link add {cable} type veth peer name eth0 netns {holder.pid}")
        self._in_host(f"ip link set {cable} master {BRIDGE} up")
        inside = f"ip link set lo up; ip addr add {self.addresses[name]}/24 dev eth0; ip link set eth0 up"
        subprocess.run([*self._enter(holder), "sh", "-ec", inside], check=True, timeout=PATIENCE)
        return holder

    def _in_host(self, script: str) -> None:
        subprocess.run([*self._enter(self._host), "sh", "-ec", script], check=True, timeout=PATIENCE)

    def _enter(self, holder: subprocess.Popen[bytes]) -> list[str]:
        user = ["--user", "--preserve-credentials"] if ROOTLESS else []
        return ["nsenter", "--target", str(holder.pid), "--net", *user, "--"]

    def _holder(self, command: Sequence[str], *, begun: bytes = b"in\n") -> subprocess.Popen[bytes]:
        """A program that lives as long as the room; returns when it has said that it has begun."""
        holder = subprocess.Popen(command, stdout=subprocess.PIPE)
        assert holder.stdout is not None
        assert holder.stdout.readline() == begun, "it did not begin"
        return holder


def base_binds() -> list[tuple[Path, str, str]]:
    """What every image has: the system's libraries and programs, and the interpreter with its packages."""
    places = {Path("/usr"), Path(sys.base_prefix), Path(sysconfig.get_paths()["purelib"])}
    ordered = sorted(places, key=lambda place: len(place.parts))
    inside_usr = [place for place in ordered if place != Path("/usr") and Path("/usr") in place.parents]
    return [(place, str(place), "ro") for place in ordered if place not in inside_usr]


def first_program(process: subprocess.Popen[bytes]) -> int:
    """The only child of `unshare`, which is number 1 in its namespace."""
    deadline = time.monotonic() + PATIENCE
    children = Path(f"/proc/{process.pid}/task/{process.pid}/children")
    while time.monotonic() < deadline:
        found = children.read_text().split()
        if found:
            return int(found[0])
        time.sleep(0.01)
    raise AssertionError("no program began")
