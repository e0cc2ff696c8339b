"""Counts what changed for each experiment, so that a step is made only for those with something new."""

import threading
from collections import Counter
from collections.abc import Iterable, Iterator
from contextlib import contextmanager


class Changes:
    """The write transactions that concern each experiment, since the store was opened.

    A transaction concerns all experiments unless its thread says which, by `about` and `add`. ``failures`` counts, by
    experiment, the rows of units that were added with a bad request: no fewer than units that had none before.
    """

    def __init__(self) -> None:
        self._of_all, self._of, self._into = 0, Counter[str](), Counter[str]()
        self._thread = threading.local()
        self._lock = threading.Lock()
        self.failures = Counter[str]()

    @contextmanager
    def about(self, *experiments: str) -> Iterator[None]:
        """Within it, the transactions of this thread concern these experiments only, and those that `add` names."""
        before: set[str] | None = getattr(self._thread, "names", None)
        self._thread.names = set(experiments)
        try:
            yield
        finally:
            self._thread.names = before

    def add(self, experiments: Iterable[str]) -> None:
        """The present transaction of this thread concerns these experiments, too."""
        names: set[str] | None = getattr(self._thread, "names", None)
        if names is not None:
            names.update(experiments)

    def note(self, tables: Iterable[str] = ()) -> None:
        """Count a transaction of this thread, once it is committed; ``tables``: those that got a new row."""
        names: set[str] | None = getattr(self._thread, "names", None)
        with self._lock:
            self._into.update(tables)
            if names is None:
                self._of_all += 1
                self._own[""] += 1
            else:
                self._of.update(names)
                self._own.update(names)

    def note_failures(self, experiments: Iterable[str]) -> None:
        """Count committed rows with a bad request; ``experiments``: that of each row."""
        with self._lock:
            self.failures.update(experiments)

    def into(self, table: str) -> int:
        """The transactions that inserted a row into this table by `Cursor.insert`."""
        return self._into[table]

    def count(self, experiment: str) -> int:
        """The transactions that concerned this experiment."""
        return self._of_all + self._of[experiment]

    def own(self, experiment: str) -> int:
        """Those among them that this thread made."""
        return self._own[""] + self._own[experiment]

    @property
    def _own(self) -> Counter[str]:
        """The transactions of this thread; those about all experiments have no name."""
        if not hasattr(self._thread, "own"):
            self._thread.own = Counter[str]()
        own: Counter[str] = self._thread.own
        return own
