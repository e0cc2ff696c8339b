"""Seconds and peak memory of comparing two runs: command, gate, control's API and page, beside plain DuckDB and numpy.

    python benchmarks/comparison.py [--cases 1000 10000 100000] [--suite labels|texts] [--repeat 1] [--clusters]
        [--page] [--json]

Each size gets a store of its own, which the product's own journal and ingester fill. Every step is a process of its
own, whose largest resident memory the system tells. The baseline reads the same columns with DuckDB and computes the
same paired means and resampled latencies with numpy, without the product. ``--page`` opens the page in Chromium too.
"""

from __future__ import annotations

import argparse
import itertools
import json
import os
import random
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[1]
sys.path[0] = str(ROOT)  # a file beside this one has the name of a package of ours

import httpx  # noqa: E402 - found by the line above

from evaluators.engine.run_events import events_of  # noqa: E402
from evaluators.engine.scoring import metrics_of, score_case  # noqa: E402
from evaluators.loading.suite_reader import load  # noqa: E402
from evaluators.loading.suite_text import suite_event, text_of  # noqa: E402
from evaluators.suite import Suite, with_digest  # noqa: E402
from fairtrial.config.layout import Layout  # noqa: E402
from fairtrial.config.owner_lock import read_note  # noqa: E402
from fairtrial.config.project import load_project  # noqa: E402
from fairtrial.domain.run import Answer, Case, CaseResult, Run  # noqa: E402
from fairtrial.journal.segment import FIRST_VERSION, SEGMENT_VERSION  # noqa: E402
from fairtrial.journal.writer import JournalWriter  # noqa: E402

PROJECT = """version: 1
deployments:
  base: {{model: openai/base, base_url: "http://127.0.0.1:9/v1"}}
  tuned: {{model: openai/tuned, base_url: "http://127.0.0.1:9/v1", parent: base}}
routes:
  bot: {{deployment: base}}
store: {{path: ./store.duckdb}}
gateway: {{bind: "127.0.0.1:{0}"}}
control: {{bind: "127.0.0.1:{1}"}}
dashboard: {{bind: "127.0.0.1:{2}"}}
"""
SUITES = {
    "labels": """suite: bench
data: rows.jsonl
prompt: $input
repeat: {repeat}
score:
  - label: {{of: [billing, refund, bug, other], positive: [refund]}}
slices: [kind, region]
{cluster}gate:
  - label.accuracy >= 70%
  - label.macro_f1 >= 0.7 sure
  - label.macro_f1 not worse than base by 2pp
  - label.accuracy not worse than base by 2pp
  - label.accuracy >= 0.5 in every kind
  - lost <= 50000
  - latency.p95 <= 5s
  - tokens not worse than base by 50%
""",
    "texts": """suite: bench
data: rows.jsonl
prompt: $input
repeat: {repeat}
score: [bleu, chrf, rouge]
slices: [kind, region]
{cluster}gate:
  - bleu >= 10
  - bleu not worse than base by 2pp
  - chrf not worse than base by 2pp
  - rouge not worse than base by 2pp
""",
}
GATE = "version: 1\ngate: release\nsuites: [bench]\n"
LABELS = ("billing", "refund", "bug", "other")
ROWS_OF_A_FILE = 50_000
"""The most rows of a suite's file: a larger suite is made of cases, and judged by its stored text."""
DISTINCT = 500
TEXT = "the order was sent to a new address and we will pay the whole sum back within two days of your call"
WORDS = TEXT.split()
BASELINE = "plain DuckDB and numpy"
Cost = tuple[float, float, int]
"""Seconds, CPU seconds, and the largest resident memory in MiB."""


@dataclass(frozen=True)
class Asked:
    """One size: so many answers of each run."""

    suite: str
    answers: int
    repeat: int
    clusters: bool

    @property
    def cases(self) -> int:
        return self.answers // self.repeat


def main() -> None:
    """Measure every size and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--cases", type=int, nargs="+", default=[1_000, 10_000, 100_000], help="answers of each run")
    parser.add_argument("--suite", choices=list(SUITES), default="labels")
    parser.add_argument("--repeat", type=int, default=1)
    parser.add_argument("--clusters", action="store_true", help="five cases share a cluster")
    parser.add_argument("--page", action="store_true", help="open the page in Chromium too")
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--step", help=argparse.SUPPRESS)
    parser.add_argument("--folder", type=Path, help=argparse.SUPPRESS)
    asked = parser.parse_args()
    if asked.step:
        STEPS[asked.step](asked.folder, Asked(asked.suite, asked.cases[0], asked.repeat, asked.clusters))
        return
    found = [measure(Asked(asked.suite, one, asked.repeat, asked.clusters), asked.page) for one in asked.cases]
    print(json.dumps(found)) if asked.json else show(found)


def measure(asked: Asked, page: bool) -> dict[str, Any]:
    """Step → seconds and MiB, for one size."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        found: dict[str, Any] = {}
        step(folder, asked, "make")
        found["bring in"] = step(folder, asked, "bring_in")
        found[BASELINE] = step(folder, asked, "plain")
        found["compare"] = command(folder, "compare", "run-tuned", "run-base")
        found["compare, by the suite"] = command(folder, "compare", "run-tuned", "run-base", "--suite", "suite.yaml")
        found["compare, in slices"] = command(folder, "compare", "run-tuned", "run-base", "--by", "kind")
        if asked.cases <= ROWS_OF_A_FILE:
            gate = ("gate", "gate.yaml", "--candidate", "tuned", "--baseline", "base")
            found["gate"] = command(folder, *gate, allowed=(0, 1, 3))
        found |= ask_control(folder, page=page)
    return {"suite": asked.suite, "answers": asked.answers, "repeat": asked.repeat, "clusters": asked.clusters} | {
        "steps": found
    }


def show(found: list[dict[str, Any]]) -> None:
    """A line a step, for each size seconds, CPU seconds with their ratio to the baseline's, and MiB."""
    sizes = "".join(f"{one['answers']:>9,}{'CPU':>9}{'':7}{'MiB':>6}" for one in found)
    print(f"{found[0]['suite']}, {found[0]['repeat']} repeats, clusters: {found[0]['clusters']}\n{'':34}{sizes}")
    for name in dict.fromkeys(name for one in found for name in one["steps"]):
        line = f"{name:34}"
        for one in found:
            if name not in one["steps"]:
                line += " " * 31
                continue
            seconds, cpu, mebibytes = one["steps"][name]
            line += f"{seconds:7.2f} s{cpu:7.2f} s{cpu / one['steps'][BASELINE][1]:6.1f}x{mebibytes:6}"
        print(line)


# --- the steps, each in a process of its own


def step(folder: Path, asked: Asked, name: str) -> Cost:
    """What one step of this program takes."""
    more = ["--clusters"] if asked.clusters else []
    sizes = ["--cases", str(asked.answers), "--repeat", str(asked.repeat), "--suite", asked.suite, *more]
    return run([sys.executable, __file__, "--step", name, "--folder", str(folder), *sizes], folder)


def command(folder: Path, *arguments: str, allowed: tuple[int, ...] = (0,)) -> Cost:
    """What one command of ours takes."""
    return run([sys.executable, "-m", "fairtrial_cli.main", *arguments], folder, allowed)


def run(arguments: list[str], folder: Path, allowed: tuple[int, ...] = (0,)) -> Cost:
    """What one process takes; its output goes to a file of the folder."""
    with (folder / "output.txt").open("wb") as output:
        began = time.perf_counter()
        process = subprocess.Popen(arguments, cwd=folder, stdout=output, stderr=subprocess.STDOUT, env=environment())
        _, status, usage = os.wait4(process.pid, 0)
        seconds = time.perf_counter() - began
        process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode not in allowed:
        raise SystemExit(f"{' '.join(arguments)}: exit {process.returncode}\n{(folder / 'output.txt').read_text()}")
    return round(seconds, 3), round(usage.ru_utime + usage.ru_stime, 3), usage.ru_maxrss // 1024


def environment() -> dict[str, str]:
    """This program's environment, with our packages to be found."""
    return {**os.environ, "PYTHONPATH": str(ROOT)}


def make(folder: Path, asked: Asked) -> None:
    """A project with a suite, and the journal of two runs of it, as `fairtrial eval` writes them."""
    folder.joinpath("fairtrial.yaml").write_text(PROJECT.format(*free_ports(3)))
    cluster = "cluster: thread\n" if asked.clusters else ""
    folder.joinpath("suite.yaml").write_text(SUITES[asked.suite].format(repeat=asked.repeat, cluster=cluster))
    folder.joinpath("gate.yaml").write_text(GATE)
    rows = [row(at, asked) for at in range(asked.cases)]
    lines = (json.dumps(one) + "\n" for one in rows[:ROWS_OF_A_FILE])
    folder.joinpath("rows.jsonl").write_text("".join(lines))
    suite = load(folder / "suite.yaml")[0]
    if asked.cases > ROWS_OF_A_FILE:
        more = tuple(case_of(suite.cases[0], one) for one in rows[ROWS_OF_A_FILE:])
        suite = with_digest(replace(suite, cases=suite.cases + more))
    layout, plan = Layout(folder / "store.duckdb").make(), load_project(folder / "fairtrial.yaml", {}).plan
    write(layout, iter([suite_event(suite, 1)]), SEGMENT_VERSION)
    text_of_suite = {"suite": suite.name, "digest": suite.digest, "text": text_of(suite)}
    folder.joinpath("suite.json").write_text(json.dumps(text_of_suite))
    for target, right in (("base", 0.80), ("tuned", 0.82)):
        made = run_of(suite, target, plan.deployments[target].digest, right)
        write(layout, events_of(made), FIRST_VERSION)


def row(at: int, asked: Asked) -> dict[str, Any]:
    """One row: a label, or a sentence, with two tags and a cluster of five."""
    expected = LABELS[at % 4 if at % 7 else 0] if asked.suite == "labels" else sentence(at % DISTINCT)
    tags = {"kind": f"kind-{at % 6}", "region": f"region-{at % 9}", "thread": f"thread-{at // 5}"}
    return {"id": f"case-{at:06d}", "input": f"Message {at}: where is my order?", "expected": expected, **tags}


def case_of(like: Case, one: dict[str, Any]) -> Case:
    """The row as the suite's file would have made it."""
    tags = {tag: one[tag] for tag in like.tags}
    cluster = one["thread"] if like.cluster is not None else None
    message = {"role": "user", "content": one["input"]}
    return Case(one["id"], (message,), one["expected"], tags, one, cluster)


def run_of(suite: Suite, target: str, digest: str, right: float) -> Run:
    """A run whose answers are right in this share; one in 500 has none. Texts are scored once and used again."""
    draw = random.Random(f"{target}")
    scored: dict[tuple[str, str], CaseResult] = {}
    results = []
    for case in suite.cases:
        for repeat in range(suite.repeat):
            if draw.random() < 0.002:
                results.append(CaseResult(case, repeat, Answer(None, error="HTTP 503"), "provider_error", {}))
                continue
            text = said(draw, case, right)
            known = scored.get((text, case.expected)) or score_case(suite, case, 0, Answer(text))
            scored[text, case.expected] = known
            answer = Answer(
                text,
                finish_reason="stop",
                latency_ms=round(draw.lognormvariate(6, 0.5), 3),
                tokens_in=20,
                tokens_out=draw.randrange(5, 400),
                cost_usd=draw.randrange(1, 900) / 1e6,
            )
            results.append(CaseResult(case, repeat, answer, known.outcome, known.scores))
    return Run(
        f"run-{target}",
        suite.name,
        suite.digest,
        target,
        digest,
        None,
        suite.seed,
        suite.repeat,
        1_800_000_000_000_000,
        metrics_of(suite, results),
        {one.name: one.version for one in suite.scorers},
        ended_us=1_800_000_000_000_001,
        results=tuple(results),
    )


def said(draw: random.Random, case: Case, right: float) -> str:
    """The label, or another or none; a sentence, or one with a word changed."""
    if draw.random() < right:
        return str(case.expected)
    if case.expected in LABELS:
        return draw.choice((*LABELS, "no idea"))
    words = str(case.expected).split()
    words[draw.randrange(len(words))] = "not"
    return " ".join(words)


def sentence(at: int) -> str:
    """One of a few hundred."""
    return " ".join(random.Random(at).choices(WORDS, k=12))


def write(layout: Layout, events: Iterator[Any], version: int) -> None:
    """A segment of the journal."""
    writer = JournalWriter(layout.journal, writer="eval", sync=False, version=version)
    while batch := list(itertools.islice(events, 500)):
        assert writer.append(*batch)
    writer.close()


def bring_in(folder: Path, _: Asked) -> None:
    """The journal into the store, as any command does first."""
    from fairtrial.api.operation import Nothing
    from fairtrial.api.store import ingest
    from fairtrial_cli.store_client.client import open_store

    with open_store(Layout(folder / "store.duckdb")) as owner:
        print(owner.call(ingest, Nothing()))


def plain(folder: Path, _: Asked) -> None:
    """Paired means of every score by DuckDB, and p50 and p95 of the latency by numpy with a thousand resamples."""
    import duckdb
    import numpy as np

    store = folder / "plain.duckdb"
    shutil.copyfile(folder / "store.duckdb", store)
    connection = duckdb.connect(str(store), config={"threads": 2, "memory_limit": "512MB"})
    print(
        connection.sql("""
        WITH mean AS (SELECT run_id, metric, case_id, avg(value) AS value FROM scores GROUP BY ALL)
        SELECT n.metric, count(*), avg(n.value - o.value), stddev_samp(n.value - o.value) / sqrt(count(*))
        FROM mean n JOIN mean o ON o.run_id = 'run-base' AND o.metric = n.metric AND o.case_id = n.case_id
        WHERE n.run_id = 'run-tuned' GROUP BY n.metric""").fetchall()
    )
    pairs = connection.sql("""
        SELECT n.latency_ms, o.latency_ms, n.tokens_out, o.tokens_out FROM results n JOIN results o
        ON o.case_id = n.case_id AND o.repeat = n.repeat AND o.run_id = 'run-base' AND o.error IS NULL
        WHERE n.run_id = 'run-tuned' AND n.error IS NULL""").fetchnumpy()
    new, old, *_ = (np.asarray(column) for column in pairs.values())
    draw, quantiles = np.random.default_rng(0), [0.5, 0.95]
    drawn = []
    for _ in range(1_000):
        few = draw.integers(0, len(new), len(new))
        drawn.append(np.quantile(new[few], quantiles) - np.quantile(old[few], quantiles))
    print(np.quantile(np.array(drawn), [0.025, 0.975], axis=0))
    connection.close()
    store.unlink()


STEPS: dict[str, Callable[[Path, Asked], None]] = {"make": make, "bring_in": bring_in, "plain": plain}


# --- control, as the dashboard asks it


def ask_control(folder: Path, *, page: bool) -> dict[str, Cost]:
    """Seconds of each call of the comparison page and of a verdict, one after the other, and control's memory then."""
    found: dict[str, Cost] = {}
    with control(folder) as (ask, used):
        both = {"candidate_run": "run-tuned", "baseline_run": "run-base"}
        first = ask("GET", "/api/runs/run-tuned/figures").json()["metrics"][0]
        calls: dict[str, tuple[str, dict[str, Any]]] = {
            "figures": ("/api/runs/run-tuned/figures", {}),
            "slices": ("/api/runs/run-tuned/slices", {}),
            "comparisons": ("/api/comparisons", both),
            "comparisons, in slices": ("/api/comparisons", both | {"by": "kind"}),
            "cases, counted": ("/api/comparisons/cases", both | {"metric": first, "limit": 1}),
            "cases, a page": ("/api/comparisons/cases", both | {"metric": first, "limit": 20, "change": "lost"}),
        }
        for name, (path, query) in calls.items():
            found[f"API: {name}"] = used(lambda path=path, query=query: ask("GET", path, params=query))
        suite = json.loads((folder / "suite.json").read_text())
        reference = {"suite": suite["suite"], "digest": suite["digest"]}
        wish = {"gate": GATE, "suites": [reference], "candidate": "tuned", "baseline": "base"}
        found["API: a verdict"] = used(lambda: ask("POST", "/api/verdicts", json=wish))
    if page:
        found["the page in Chromium"] = open_page(folder)
    return found


@contextmanager
def control(folder: Path) -> Iterator[tuple[Callable[..., httpx.Response], Callable[[Callable[[], Any]], Cost]]]:
    """A control process of the project: how to ask it, and what an action takes there."""
    layout = Layout(folder / "store.duckdb")
    program = [sys.executable, "-m", "fairtrial_cli.main", "control"]
    with (folder / "control.txt").open("wb") as output:
        process = subprocess.Popen(program, cwd=folder, stdout=output, stderr=output, env=environment())
    try:
        while (note := read_note(layout)) is None or note.control_url is None or note.pid != process.pid:
            if process.poll() is not None:
                raise SystemExit((folder / "control.txt").read_text())
            time.sleep(0.05)
        headers = {"authorization": f"Bearer {layout.admin_key.read_text().strip()}"}
        with httpx.Client(base_url=note.control_url, headers=headers, timeout=600, trust_env=False) as client:

            def ask(method: str, path: str, **how: Any) -> httpx.Response:
                answer = client.request(method, path, **how)
                if not answer.is_success:
                    raise SystemExit(f"{path}: {answer.status_code} {answer.text}")
                return answer

            yield ask, lambda action: cost_at(process.pid, action)
    finally:
        process.terminate()
        process.wait(60)


def cost_at(pid: int, action: Callable[[], Any]) -> Cost:
    """What an action takes in another process; its memory is the largest so far."""
    began, cpu = time.perf_counter(), cpu_of(pid)
    action()
    seconds, cpu = time.perf_counter() - began, cpu_of(pid) - cpu
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    peak = next(int(line.split()[1]) for line in lines if line.startswith("VmHWM:")) // 1024
    return round(seconds, 3), round(cpu, 3), peak


def cpu_of(pid: int) -> float:
    """The CPU seconds of a process so far."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def open_page(folder: Path) -> Cost:
    """Until the comparison is wholly drawn in a fresh Chromium: the seconds there; CPU and MiB of control."""
    from playwright.sync_api import sync_playwright

    from benchmarks.pages import DRAWN
    from fairtrial_cli.dashboard_link import dashboard_link
    from fairtrial_cli.processes.services import Services
    from tests.fixtures.dashboard.visits import ARGUMENTS, chromium

    with Services(folder / "fairtrial.yaml", workers=1) as services, sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium(), args=ARGUMENTS)
        page = browser.new_context(viewport={"width": 1280, "height": 900}).new_page()
        page.set_default_timeout(120_000)
        page.goto(str(dashboard_link(services.project)))
        page.goto(f"{services.urls.dashboard}/overview")
        page.wait_for_function(DRAWN, polling=20)

        def go() -> None:
            page.goto(f"{services.urls.dashboard}/runs?run=run-tuned&against=run-base")
            page.get_by_text("Case by case").wait_for()
            page.wait_for_function(DRAWN, polling=20)

        found = cost_at(services.children["control"].pid, go)
        browser.close()
        return found


def free_ports(count: int) -> list[int]:
    """Ports that nobody listens on now."""
    sockets = [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]
    ports = [one.getsockname()[1] for one in sockets]
    for one in sockets:
        one.close()
    return ports


if __name__ == "__main__":
    main()
