"""The fake upstream by its old name; see `tests.upstream.server`."""

from __future__ import annotations

from tests.upstream.seen import Seen
from tests.upstream.server import FakeUpstream
from tests.upstream.wire import write_end as _end
from tests.upstream.wire import write_head as _head

__all__ = ["FakeUpstream", "Seen", "_end", "_head"]
