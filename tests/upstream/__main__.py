"""`python -m tests.upstream [PORT]`: the fake upstream alone; prints its port and serves until it is ended."""

from __future__ import annotations

import sys

from tests.upstream.server import FakeUpstream

upstream = FakeUpstream(int(sys.argv[1]) if len(sys.argv) > 1 else 0)
upstream.keep = False
print(upstream.port, flush=True)
upstream.run_forever()
