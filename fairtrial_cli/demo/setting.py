"""Prepares the demo: how many cases it takes on this machine (ADR 45), its folder, project file and free ports."""

import re
import shutil
import socket
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from fairtrial.config.layout import Layout, bundled_data
from fairtrial.config.owner_lock import refuse_owned
from fairtrial.domain.errors import UsageError

TICKET, GENERAL, EDGE, CUSTOMER = 0.9, 0.65, 0.9, 0.9
"""What one call of each kind costs, in ticket answers of the base, while live traffic runs beside the suites."""
VISITORS = 14.0
"""What all visitors of the late server cost together. Their answers have four tokens."""
ASKING = 14.0
"""What it costs to ask a fine-tune and its base whether they are two models."""
SERVICES = 40.0
"""What starting the services and judging cost."""
FAMILIES = {"prompt_injection": "resist", "pii_extraction": "keep_private", "cut_off_input": "no_invention"}
"""The families of the edge cases, each of which has as many cases, with the scorer of its gate line."""

SUPPORT = bundled_data("examples/support")
SUITES = bundled_data("suites")
RELEASE, REVIEWED = "support-release.gate.yaml", "support-reviewed.gate.yaml"
SAMPLE_SEED = 20261128
"""Draws the cases if the demo takes fewer (ADR 45)."""
TRAINED_WITH = ("data", "training")
"""The folders with the training data and logs that the project file names."""
MARK = ".fairtrial-demo"
FIRST_BYTE = re.compile(r"first_byte: [\d.]+")
FAMILY_SIZE = re.compile(r"\bn: \d+")
SLICE_LINE = re.compile(r"(?m)^( +#.*\n)*  - general\.accuracy .* in kind:.*\n")
"""A gate line on a slice of the general questions, with the comment above it."""


class Ports(NamedTuple):
    """The port of each service; by default the one in the example's project file."""

    models: int = 8000
    late: int = 8010
    gateway: int = 8080
    control: int = 8081
    dashboard: int = 8501


@dataclass(frozen=True, slots=True)
class Sizes:
    """How many tickets, general questions, edge cases of each family, and customers the demo takes.

    ``families``: how many families of edge cases. ``slices``: whether the lines on slices of the general questions
    count. Where a model that equals the base would fail a line by too few cases, the line and its cases are left out.
    """

    tickets: int
    general: int
    edges: int
    customers: int
    families: int = len(FAMILIES)
    slices: bool = True

    @property
    def work(self) -> float:
        """The cost of the whole demo, in ticket answers of the base."""
        return first_half(self) + self.second_half

    @property
    def second_half(self) -> float:
        """The cost after the first verdict: the second candidate, the base's other suites, and the live traffic."""
        suites = 2 * candidate_work(self) - TICKET * self.tickets
        return suites + CUSTOMER * self.customers + VISITORS + ASKING + SERVICES / 2

    def fewer_than(self, whole: "Sizes") -> list[str]:
        """What was left out of each suite, as phrases; empty if nothing was."""
        parts = (
            ("tickets", self.tickets, whole.tickets),
            ("general questions", self.general, whole.general),
            ("families of edge cases", self.families, whole.families),
            ("edge cases", self.families * self.edges, whole.families * whole.edges),
            ("customers", self.customers, whole.customers),
        )
        fewer = [f"{taken} of {of} {name}" for name, taken, of in parts if taken < of]
        return fewer + (["no lines on slices of the general questions"] if whole.slices and not self.slices else [])


ALL = Sizes(tickets=120, general=400, edges=30, customers=120)
QUICK = (
    ALL,
    Sizes(tickets=120, general=400, edges=20, customers=120),
    Sizes(tickets=120, general=360, edges=20, customers=120),
    Sizes(tickets=120, general=330, edges=16, customers=120),
    Sizes(tickets=120, general=240, edges=16, customers=90),
    Sizes(tickets=120, general=180, edges=16, customers=90, families=2, slices=False),
)
SLOW = (
    *QUICK[5:],
    Sizes(tickets=72, general=160, edges=16, customers=90, families=1, slices=False),
    Sizes(tickets=48, general=160, edges=16, customers=90, families=1, slices=False),
)
"""With each of all these sizes an equally good model nearly always ships (ADR 45)."""
LIMITS = ((QUICK, 120.0, 290.0), (SLOW, 150.0, 470.0))
"""What the demo may take by estimate, in seconds until the first verdict and until the end."""
LONGEST_SECONDS = LIMITS[-1][2]


def candidate_work(sizes: Sizes) -> float:
    """The cost of all three suites on one model."""
    return TICKET * sizes.tickets + GENERAL * sizes.general + EDGE * sizes.families * sizes.edges


def others_work() -> float:
    """The cost of three more candidates on all cases. One of them has answered the tickets already."""
    return 3 * candidate_work(ALL) - TICKET * ALL.tickets


def first_half(sizes: Sizes) -> float:
    """The cost of the first verdict: the services, and two models on the tickets."""
    return SERVICES / 2 + ASKING + 2 * TICKET * sizes.tickets


def choose(answers_a_second: float, *, elapsed: float) -> Sizes:
    """The largest quick sizes that end in time, otherwise the largest slow ones, otherwise the last.

    ``answers_a_second``: ticket answers of the base. ``elapsed``: seconds since the demo began.
    """
    for steps, first, end in LIMITS:
        for sizes in steps:
            seconds = elapsed + first_half(sizes) / answers_a_second, elapsed + sizes.work / answers_a_second
            if seconds[0] <= first and seconds[1] <= end:
                return sizes
    return SLOW[-1]


def shorten(sizes: Sizes, answers_a_second: float, *, elapsed: float) -> Sizes:
    """The same or smaller sizes for what comes after the first verdict, when the machine has become slower.

    The tickets stay, because two models have answered them already.
    """
    smaller = (sizes, *(_no_more(sizes, step) for step in (*QUICK, *SLOW)))
    return _most(smaller, [step.second_half for step in smaller], answers_a_second, LONGEST_SECONDS - elapsed)


def _no_more(sizes: Sizes, step: Sizes) -> Sizes:
    general, edges = min(sizes.general, step.general), min(sizes.edges, step.edges)
    families, slices = min(sizes.families, step.families), sizes.slices and step.slices
    return Sizes(sizes.tickets, general, edges, min(sizes.customers, step.customers), families, slices)


def _most(steps: Sequence[Sizes], work: Sequence[float], answers_a_second: float, seconds: float) -> Sizes:
    """The first step whose work is done in time; the last one if none is."""
    fitting = (step for step, units in zip(steps, work, strict=True) if units / answers_a_second <= seconds)
    return next(fitting, steps[-1])


@dataclass(frozen=True, slots=True)
class DemoSetting:
    """The demo's folder and ports."""

    folder: Path
    ports: Ports

    @property
    def project(self) -> Path:
        return self.folder / "fairtrial.yaml"

    @property
    def suites(self) -> Path:
        """The suites and gates of this demo, which may take fewer cases than those that ship."""
        return self.folder / "suites"

    @property
    def models_url(self) -> str:
        return f"http://127.0.0.1:{self.ports.models}/v1"

    def allow(self, seconds: float) -> None:
        """Let the late server take this long for the first byte of an answer."""
        text = self.project.read_text(encoding="utf-8")
        self.project.write_text(FIRST_BYTE.sub(f"first_byte: {seconds:.1f}", text), encoding="utf-8")

    def take(self, sizes: Sizes) -> None:
        """Write the suites with so many cases: with `sample` for rows, and with `n` for each family of edge cases.

        What is left out as a whole goes with its gate lines.
        """
        for name, taken, of in (("support", sizes.tickets, ALL.tickets), ("general", sizes.general, ALL.general)):
            text = (SUITES / name / "suite.yaml").read_text(encoding="utf-8")
            drawn = f"sample: {{n: {taken}, seed: {SAMPLE_SEED}}}\n" if taken < of else ""
            text = text if sizes.slices else SLICE_LINE.sub("", text)
            (self.suites / name / "suite.yaml").write_text(text + drawn, encoding="utf-8")
        text = FAMILY_SIZE.sub(f"n: {sizes.edges}", (SUITES / "edges" / "suite.yaml").read_text(encoding="utf-8"))
        for family in list(FAMILIES)[sizes.families :]:
            text = re.sub(rf"(?m)^  - ({{family: {family},|{FAMILIES[family]} not worse).*\n", "", text)
        (self.suites / "edges" / "suite.yaml").write_text(text, encoding="utf-8")


def prepare(folder: Path) -> DemoSetting:
    """Create the folder and its project file; what an earlier demo left there is deleted.

    Raises `UsageError` if the folder contains other files, or if the example is not installed, and `StoreLocked` if a
    demo is still running there.
    """
    if not (SUPPORT / "fairtrial.yaml").exists():
        raise UsageError(f"{SUPPORT}: the example's files are not installed (run the demo from a clone)")
    if folder.exists() and any(folder.iterdir()):
        if not (folder / MARK).exists():
            raise UsageError(f"{folder}: contains other files (choose another folder with --folder)")
        refuse_owned(Layout(folder.resolve() / "fairtrial.duckdb"))
        shutil.rmtree(folder)
    folder.mkdir(parents=True, exist_ok=True)
    (folder / MARK).touch()
    shutil.copytree(SUITES, folder / "suites", ignore=shutil.ignore_patterns("__pycache__"))
    for name in TRAINED_WITH:
        shutil.copytree(SUPPORT / name, folder / name, ignore=shutil.ignore_patterns("*.py"))
    setting = DemoSetting(folder.resolve(), _free_ports())
    setting.project.write_text(_project(setting.ports), encoding="utf-8")
    return setting


def _project(ports: Ports) -> str:
    """The example's project file with the ports of this demo, and its release gate as the official one."""
    text = (SUPPORT / "fairtrial.yaml").read_text(encoding="utf-8")
    for declared, free in ((Ports().late, ports.late), (Ports().models, ports.models)):
        text = text.replace(f"127.0.0.1:{declared}/", f"127.0.0.1:{free}/")
    served = {"gateway": ports.gateway, "control": ports.control, "dashboard": ports.dashboard}
    binds = [f'{name}: {{bind: "127.0.0.1:{port}"}}' for name, port in served.items()]
    releases = f"releases: {{gate: suites/{RELEASE}}}"
    return text + "\n" + "\n".join([releases, *binds]) + "\n"


def _free_ports() -> Ports:
    """The default port of each service, or the next free one."""
    taken: list[int] = []
    for first in Ports():
        taken.append(next(port for port in range(first, first + 500) if port not in taken and _is_free(port)))
    return Ports(*taken)


def _is_free(port: int) -> bool:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True
