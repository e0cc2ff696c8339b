"""Headers as they came: a look-up by lower-case name that decodes a value only when it is asked for."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

KNOWN_NAMES, LONG = 4096, 64
NAMES: dict[bytes, str] = {}


class Headers(Mapping[str, str]):
    """``raw``: lower-case name to value, its bytes as on the wire; repeated ones joined by commas (RFC 9110 §5.3)."""

    __slots__ = ("raw",)

    def __init__(self, raw: dict[str, bytes]) -> None:
        self.raw = raw

    @classmethod
    def of(cls, pairs: Mapping[str, str]) -> Headers:
        """Of texts; what Latin-1 can't hold becomes a question mark."""
        return cls({name.lower(): value.encode("latin-1", "replace") for name, value in pairs.items()})

    def __getitem__(self, name: str) -> str:
        return self.raw[name].decode("latin-1")

    def get(self, name: str, default: str | None = None) -> str | None:  # type: ignore[override]
        """The value as Latin-1, which any bytes are."""
        value = self.raw.get(name)
        return default if value is None else value.decode("latin-1")

    def text(self, name: str) -> str:
        """The value, "" where there is none."""
        value = self.raw.get(name)
        return "" if value is None else value.decode("latin-1")

    def __contains__(self, name: object) -> bool:
        return name in self.raw

    def __iter__(self) -> Iterator[str]:
        return iter(self.raw)

    def __len__(self) -> int:
        return len(self.raw)


def lower(name: bytes) -> str:
    """A header's name in lower case; look into `NAMES` first, which remembers what was asked here."""
    text = name.decode("latin-1").lower()
    if len(NAMES) < KNOWN_NAMES and len(name) < LONG:  # whoever sends long ones shall not fill the memory
        NAMES[name] = text
    return text


TAGS_HEADER = "x-fairtrial-tags"
