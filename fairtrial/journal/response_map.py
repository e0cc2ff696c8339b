"""Maps stored responses to the deployment and arm that made them, in a small SQLite file shared by a machine's workers.

A name (a response's id, a conversation's, sealed reasoning) is stored only as a hash, and no text is stored. Every
entry carries its unit's pseudonym, so that an erasure finds it. It expires after thirty days, as OpenAI's responses do.
"""

import sqlite3
from collections.abc import Iterable, Sequence
from contextlib import closing, suppress
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

FILE = "responses.db"
"""Its name in the folder of the store. SQLite has two more files beside it while it is in use."""

KEEP_US = 30 * 24 * 3600 * 1_000_000
PRUNE_EACH = 10_000
"""How many entries are added between two deletions of expired ones."""

WAIT_SECONDS = 0.05
"""How long to wait for another worker's write, of some microseconds.

After that the entry waits, because traffic goes first.
"""

LAST_SECONDS = 2.0
LATE_ENTRIES = 10_000
"""How many entries may wait for a write."""

_PRIVATE = 0o600
_TABLE = """
CREATE TABLE IF NOT EXISTS places (
    name BLOB PRIMARY KEY, at_us INTEGER NOT NULL, unit TEXT, deployment TEXT NOT NULL, route TEXT NOT NULL,
    experiment TEXT, variant TEXT, owner TEXT
) WITHOUT ROWID
"""
_NOTE = """
INSERT OR REPLACE INTO places (name, at_us, unit, deployment, route, experiment, variant, owner)
VALUES (?, ?, ?, ?, ?, ?, ?, ?)
"""
_ADD_OWNER = "ALTER TABLE places ADD COLUMN owner TEXT"
_COLUMNS = "SELECT name FROM pragma_table_info('places')"
_FIND = "SELECT deployment, route, experiment, variant, owner FROM places WHERE name = ? AND at_us >= ?"


_Row = tuple[bytes, int, str | None, str, str, str | None, str | None, str | None]


@dataclass(frozen=True, slots=True)
class ResponsePlace:
    """Where a response is: its deployment, the route of its request, and the arm if an experiment chose it.

    ``owner``: the name of the key that made it; ``None`` for an open gateway, and in entries of the first release.
    """

    deployment: str
    route: str
    experiment: str | None = None
    variant: str | None = None
    owner: str | None = None


class ResponseMap:
    """The map of one process, opened on first use.

    It never raises; ``lost`` counts the entries that could not be written.
    """

    def __init__(self, path: Path) -> None:
        self.lost = 0
        self._path = path
        self._database: sqlite3.Connection | None = None
        self._late: list[_Row] = []
        self._until_pruned = PRUNE_EACH

    def note(self, names: Iterable[str], place: ResponsePlace, *, unit: str | None, now_us: int) -> bool:
        """Remember where these names are. The last place of a name counts."""
        rest = (now_us, unit, place.deployment, place.route, place.experiment, place.variant, place.owner)
        return self._write([*self._late, *((_key(name), *rest) for name in names)], now_us)

    def _write(self, rows: list[_Row], now_us: int) -> bool:
        try:
            database = self._open()
            database.execute("BEGIN IMMEDIATE")
            with database:
                database.executemany(_NOTE, rows)
            self._prune(database, len(rows), now_us)
        except sqlite3.Error as error:
            busy = getattr(error, "sqlite_errorcode", None) == sqlite3.SQLITE_BUSY
            self._late = rows if busy and len(rows) <= LATE_ENTRIES else []
            self.lost += 0 if self._late else len(rows)
            return bool(self._late)
        self._late = []
        return True

    def find(self, name: str, *, now_us: int) -> ResponsePlace | None:
        """Where it is; ``None`` if that is unknown or expired."""
        key = _key(name)
        for row in reversed(self._late):
            if row[0] == key:
                return ResponsePlace(*row[3:])
        if not self._path.exists():
            return None
        try:
            row = self._open().execute(_FIND, (key, now_us - KEEP_US)).fetchone()
        except sqlite3.Error:
            return None
        return None if row is None else ResponsePlace(*row)

    def close(self) -> None:
        """Write the waiting entries and close the file. The next use opens it again."""
        if self._late and self._database is not None:
            self._database.execute(f"PRAGMA busy_timeout = {int(LAST_SECONDS * 1000)}")
            self._write(self._late, self._late[-1][1])
            self.lost += len(self._late)
            self._late = []
        if self._database is not None:
            self._database.close()
            self._database = None

    def _open(self) -> sqlite3.Connection:
        if self._database is None:
            self._database = _connect(self._path)
        return self._database

    def _prune(self, database: sqlite3.Connection, new: int, now_us: int) -> None:
        self._until_pruned -= new
        if self._until_pruned <= 0:
            self._until_pruned = PRUNE_EACH
            database.execute("DELETE FROM places WHERE at_us < ?", (now_us - KEEP_US,))


def response_name(ident: str) -> str:
    """The name of a response in the map."""
    return f"response {ident}"


def erase_unit(path: Path, pseudonym: str, responses: Sequence[str]) -> int:
    """Erase the entries of a unit and of these responses, from the bytes too; returns how many. Raises `OSError`."""
    if not path.exists():
        return 0
    try:
        with closing(_connect(path, wait=10.0)) as database:
            gone = database.execute("DELETE FROM places WHERE unit = ?", (pseudonym,)).rowcount
            for ident in responses:
                name = _key(response_name(ident))
                gone += database.execute("DELETE FROM places WHERE name = ?", (name,)).rowcount
            database.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    except sqlite3.Error as error:
        raise OSError(f"{path}: can't be erased from ({type(error).__name__})") from error
    return gone


def _connect(path: Path, *, wait: float = WAIT_SECONDS) -> sqlite3.Connection:
    path.touch(mode=_PRIVATE)
    database = sqlite3.connect(path, timeout=wait, isolation_level=None, check_same_thread=False)
    try:
        _prepare(database)
    except sqlite3.Error:
        database.close()
        raise
    return database


def _prepare(database: sqlite3.Connection) -> None:
    database.execute("PRAGMA journal_mode = WAL")
    database.execute("PRAGMA synchronous = OFF")  # a killed process loses nothing, a power failure the last moments
    database.execute("PRAGMA secure_delete = ON")
    database.execute(_TABLE)
    if "owner" not in {name for (name,) in database.execute(_COLUMNS)}:
        with suppress(sqlite3.OperationalError):  # another worker has just added it
            database.execute(_ADD_OWNER)


def _key(name: str) -> bytes:
    return sha256(name.encode("utf-8", "surrogatepass")).digest()[:16]
