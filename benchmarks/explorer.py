"""How long `fairtrial requests list` takes for each filter, on a store of a week with millions of requests.

    python benchmarks/explorer.py [--requests 10000000] [--store FOLDER]

Each filter is asked three times over all time, through the operation that command and page call, after one time that
warms up. It prints the slowest one of each. The limit is one second; a filter beyond it is *missed*, and the exit code
is 1. ``--store`` keeps the store, and reads it again if it is there. Ten million requests take ten minutes to store.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from collections.abc import Mapping
from contextlib import closing
from pathlib import Path

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT))

from benchmarks import monitored_store  # noqa: E402 - found by the line above
from fairtrial.api import traffic  # noqa: E402
from fairtrial.config.project import load_project  # noqa: E402
from fairtrial.store.core.database import Database  # noqa: E402
from fairtrial.store.derived import traffic_sums  # noqa: E402
from fairtrial_cli.store_client.client import StoreClient, open_store  # noqa: E402

SECONDS, TIMES, UNITS = 1.0, 3, 200_000
COLUMNS = """,
    'key-' || hash(i + 11) % 40 AS key_id, CASE WHEN hash(i + 12) % 2 = 0 THEN 'base' ELSE 'tuned' END AS deployment,
    'chatcmpl-' || md5('p' || i) AS provider_request_id, MAP {'team': 'team-' || hash(i + 13) % 60} AS tags,
    CASE WHEN i % 1000003 = 7 THEN 'partial' WHEN hash(i * 3) % 100 = 0 THEN 'error' ELSE 'ok' END AS outcome,
    false AS stream
FROM range("""
OUTCOME = "CASE WHEN hash(i * 3) % 100 = 0 THEN 'error' ELSE 'ok' END AS outcome,"
REQUESTS = monitored_store.REQUESTS.replace(OUTCOME, "").replace("\nFROM range(", COLUMNS)


def make(folder: Path, requests: int) -> None:
    """Store the week in a new project."""
    project = monitored_store.make_project(folder, 3)
    with closing(Database.open(project.layout)) as database:
        size = monitored_store.Size(requests, min(UNITS, requests // 50))
        for stored in monitored_store.fill(database, project, size, REQUESTS):
            traffic_sums.update(database)
            print(f"  {stored:,} stored", file=sys.stderr)


def filters(store: StoreClient) -> Mapping[str, traffic.ListRequests]:
    """A request for each filter: a frequent and a rare value, the oldest one, and none."""
    newest = store.call(traffic.requests, traffic.ListRequests(limit=1))[0]
    oldest = store.call(traffic.requests, traffic.ListRequests(until_us=monitored_store.START_US + 60_000_000))[-1]
    found = store.call(traffic.request, traffic.NameRequest(request_id=oldest.request_id))
    hour = monitored_store.START_US + 3_600_000_000
    asked: dict[str, dict[str, object]] = {
        "no filter": {},
        "an hour": {"since_us": hour, "until_us": 2 * hour - monitored_store.START_US},
        "route": {"route": "support-2"},
        "a route without requests": {"route": "none"},
        "deployment": {"deployment": "tuned"},
        "experiment": {"experiment": "tuned-vs-base"},
        "variant": {"variant": "tuned"},
        "user": {"unit": newest.unit},
        "the oldest user": {"unit": oldest.unit},
        "an unknown user": {"user": "nobody"},
        "key": {"key_id": "key-7"},
        "an unknown key": {"key_id": "none"},
        "status 200": {"status": 200},
        "status 500, of which there is none": {"status": 500},
        "outcome error": {"outcome": "error"},
        "outcome partial, one in a million": {"outcome": "partial"},
        "tag": {"tag": "team=team-7"},
        "an unknown tag": {"tag": "team=none"},
        "provider's id of the oldest": {"provider_request_id": found.provider_request_id},
        "cost": {"min_cost": 0.008},
        "a cost that nothing has": {"min_cost": 1.0},
        "page 2,000 of a key": {"key_id": "key-7", "offset": 100_000},
    }
    return {name: traffic.ListRequests(limit=50, **values) for name, values in asked.items()}  # type: ignore[arg-type]


def measure(folder: Path) -> bool:
    """Print the slowest time of each filter; false if one is beyond the limit."""
    project, met = load_project(folder / "fairtrial.yaml", {}), True
    with open_store(project.layout, project.path) as store:
        for name, request in filters(store).items():
            rows = store.call(traffic.requests, request)
            seconds = []
            for _ in range(TIMES):
                began = time.perf_counter()
                store.call(traffic.requests, request)
                seconds.append(time.perf_counter() - began)
            met = met and max(seconds) <= SECONDS
            words = "" if max(seconds) <= SECONDS else "  missed"
            print(f"{name:36} {max(seconds):7.3f} s  {len(rows):4} rows{words}", flush=True)
    return met


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--requests", type=int, default=10_000_000)
    parser.add_argument("--store", type=Path)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        folder = options.store or Path(temporary)
        folder.mkdir(parents=True, exist_ok=True)
        if not (folder / "fairtrial.yaml").exists():
            make(folder, options.requests)
        return 0 if measure(folder) else 1


if __name__ == "__main__":
    sys.exit(main())
