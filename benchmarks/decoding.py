"""What decoding an answer of control into its type costs, as a ratio to decoding it into dictionaries.

    python benchmarks/decoding.py [--cases 400] [--times 200]

A project with two runs of ``--cases`` cases, a verdict, an experiment and a review queue answers each operation that
pages read. The five biggest answers are decoded in turn, and the medians of pairs are compared.
"""

from __future__ import annotations

import argparse
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import httpx
import msgspec

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT))

from fairtrial.api.operation import Operation, operations, read_answer  # noqa: E402 - found by the line above
from tests.fixtures.dashboard import site as sites  # noqa: E402

BIGGEST = 5


def main() -> None:
    """Print one line for each of the biggest answers."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--cases", type=int, default=400)
    parser.add_argument("--times", type=int, default=200)
    wanted = parser.parse_args()
    sites.CASES = wanted.cases
    with tempfile.TemporaryDirectory() as folder, sites.a_site(Path(folder), sites.answer_by_model) as site:
        answers = sorted(_answers(site), key=lambda answer: len(answer[1]), reverse=True)[:BIGGEST]
    for operation, content in answers:
        ratio, low, high = _ratio(operation, content, wanted.times)
        print(f"{operation.name:24} {len(content):9,} bytes   ratio {ratio:5.2f} ({low:.2f} to {high:.2f})")


def _answers(site: sites.Site) -> Iterator[tuple[Operation[Any, Any], bytes]]:
    """The answers of all operations whose parameters are known here, apart from files."""
    known = _known(site)
    key = site.services.project.layout.admin_key.read_text().strip()
    headers = {"authorization": f"Bearer {key}"}
    for operation in operations():
        if operation.method != "GET" or operation.kind == "file":
            continue
        try:
            path = operation.path.format_map(known)
        except KeyError:
            continue
        query = {name: known[name] for name in ("candidate_run", "baseline_run") if "comparisons" in path}
        answer = httpx.get(f"{site.control}/api{path}", params=query, headers=headers)
        if answer.is_success and answer.headers["content-type"].startswith("application/json"):
            yield operation, answer.content


def _known(site: sites.Site) -> Mapping[str, str]:
    runs = {str(run["target"]): str(run["run_id"]) for run in site.ask("GET", "/api/runs")["rows"]}
    one, other = runs[sites.CANDIDATE], runs[sites.BASELINE]
    names = [str(row["name"]) for row in site.ask("GET", "/api/experiment-states")["rows"]]
    verdicts = [str(row["verdict_id"]) for row in site.ask("GET", "/api/verdicts")["rows"]]
    known = {"run_id": one, "candidate_run": one, "baseline_run": other, "queue_id": site.enqueue(20)}
    return known | dict(zip(("name", "verdict_id"), (*names[:1], *verdicts[:1]), strict=False))


def _ratio(operation: Operation[Any, Any], content: bytes, times: int) -> tuple[float, float, float]:
    """The median of the ratios of pairs, and the bounds of nine in ten pairs."""
    ratios = []
    for _ in range(times):
        plain = _seconds(lambda: msgspec.json.decode(content))
        typed = _seconds(lambda: read_answer(operation, content))
        ratios.append(typed / plain)
    cuts = statistics.quantiles(ratios, n=20)
    return statistics.median(ratios), cuts[0], cuts[-1]


def _seconds(work: Callable[[], object]) -> float:
    started = time.perf_counter()
    work()
    return time.perf_counter() - started


if __name__ == "__main__":
    main()
