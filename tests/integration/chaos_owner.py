"""A program that owns a store and brings journals in, until it is killed."""

from __future__ import annotations

import os
import sys
from pathlib import Path

from fairtrial.config.layout import Layout
from fairtrial.store.database import Database
from fairtrial.store.ingest import Ingester


def main(store: str) -> None:
    """Ingest for ever; a dot is printed after each pass."""
    ingester = Ingester(Database.open(Layout(Path(store))), lambda: 1)
    while True:
        ingester.catch_up()
        os.write(1, b".")


if __name__ == "__main__":
    main(sys.argv[1])
