"""Prints the size of the code (`make size`): statements, logic, import chains, record twins, and a request's path."""

from __future__ import annotations

import argparse
import asyncio
import json
import sys
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from scripts.import_graph import PACKAGES, imports_of, read_modules
from scripts.size.counts import SMALL, Counts, counts_by_package, files_in_other_languages
from scripts.size.import_chain import longest_chain
from scripts.size.record_twins import Twins, record_twins
from tests.fixtures.gateway.request_path import RequestPath, measure_request_path

ROOT = Path(__file__).parents[2]
OTHERS = ("tests", "benchmarks", "scripts")
COLUMNS = ("modules", "statements", "logic", "lines", "headers", "share", "docstrings", "small")


@dataclass(frozen=True, slots=True)
class Size:
    """All figures."""

    packages: dict[str, Counts]
    product: Counts
    logic: dict[str, int]
    chain: list[str]
    chain_with_functions: list[str]
    twins: list[Twins]
    api_twins: list[Twins]
    request_path: RequestPath


def main() -> None:
    """Measure, and print a table or JSON."""
    parser = argparse.ArgumentParser(prog="make size", description=__doc__)
    parser.add_argument("--json", action="store_true", help="print every figure, chain, pair and function as JSON")
    arguments = parser.parse_args()
    size = measure(ROOT)
    sys.stdout.write(json.dumps(asdict(size), indent=2) if arguments.json else table(size))
    sys.stdout.write("\n")


def measure(root: Path) -> Size:
    """The size of the tree below the folder."""
    modules = read_modules(root, (*PACKAGES, *OTHERS))
    counts = counts_by_package(modules)
    counts |= {package: counts[package] + files_in_other_languages(root / package) for package in PACKAGES}
    whole = sum((counts[package] for package in PACKAGES), Counts())
    product = {name: module for name, module in modules.items() if module.package in PACKAGES}
    twins = record_twins(product)
    with TemporaryDirectory() as folder:
        path = asyncio.run(measure_request_path(Path(folder)))
    return Size(
        counts,
        whole,
        {package: counts[package].logic for package in PACKAGES} | {"product": whole.logic},
        *(longest_chain(_within(product, imports_of(product, in_functions=deep))) for deep in (False, True)),
        [pair for pair in twins if not pair.in_api],
        [pair for pair in twins if pair.in_api],
        path,
    )


def table(size: Size) -> str:
    """The figures as text."""
    rows = [("", *COLUMNS)]
    rows += [_row(name, size.packages[name]) for name in PACKAGES]
    rows += [_row("product", size.product), *(_row(name, size.packages[name]) for name in OTHERS)]
    lines = [f"{row[0]:15}" + "".join(f"{cell:>12}" for cell in row[1:]) for row in rows]
    return "\n".join(
        [
            *lines,
            "",
            "A statement is a node of the syntax tree, without docstrings and `...`. Logic is the statements without",
            "declarations of fields and imports, and the lines of JavaScript, SQL and templates that are not blank. A",
            "header is the docstring and the imports, with the lines between them. A small module has fewer than",
            f"{SMALL} lines and one importer.",
            "",
            f"{len(size.chain):6} modules in the longest import chain",
            f"{len(size.chain_with_functions):6} with imports inside functions",
            f"{len(size.twins):6} pairs of record types that share at least four fields, and 70 % of the smaller one's",
            f"{len(size.api_twins):6} more pairs with a request or an answer of control's API",
            f"{len(size.request_path.files):6} files that a streamed chat enters",
            f"{len(size.request_path.functions):6} functions that it enters",
            f"{size.request_path.calls:6} calls that it makes",
        ]
    )


def _within(modules: Mapping[str, object], imports: dict[str, set[str]]) -> dict[str, set[str]]:
    return {name: targets & modules.keys() for name, targets in imports.items()}


def _row(name: str, counts: Counts) -> tuple[str, ...]:
    return (
        name,
        f"{counts.modules:,}",
        f"{counts.statements:,}",
        f"{counts.logic:,}",
        f"{counts.lines:,}",
        f"{counts.header_lines:,}",
        f"{counts.header_share:.1%}",
        f"{counts.docstring_lines:,}",
        f"{counts.small_modules:,}",
    )


if __name__ == "__main__":
    main()
