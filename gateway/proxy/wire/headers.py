"""Holds headers as they came: looked up by lower-case name, and decoded only on access."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

KNOWN_NAMES, LONG = 4096, 64
NAMES: dict[bytes, str] = {}


class Headers(Mapping[str, str]):
    """``raw``: lower-case names to undecoded values; repeated headers are joined by commas (RFC 9110 §5.3)."""

    __slots__ = ("raw",)

    def __init__(self, raw: dict[str, bytes]) -> None:
        self.raw = raw

    @classmethod
    def of(cls, pairs: Mapping[str, str]) -> Headers:
        """Make it from texts. A character that Latin-1 lacks becomes a question mark."""
        return cls({name.lower(): value.encode("latin-1", "replace") for name, value in pairs.items()})

    def __getitem__(self, name: str) -> str:
        return self.raw[name].decode("latin-1")

    def get(self, name: str, default: str | None = None) -> str | None:  # type: ignore[override]
        """The value as Latin-1, which can decode any bytes."""
        value = self.raw.get(name)
        return default if value is None else value.decode("latin-1")

    def text(self, name: str) -> str:
        """The value, or "" if there is none."""
        value = self.raw.get(name)
        return "" if value is None else value.decode("latin-1")

    def __contains__(self, name: object) -> bool:
        return name in self.raw

    def __iter__(self) -> Iterator[str]:
        return iter(self.raw)

    def __len__(self) -> int:
        return len(self.raw)


def lower(name: bytes) -> str:
    """A header's name in lower case. Look into `NAMES` first, which caches the results."""
    text = name.decode("latin-1").lower()
    if len(NAMES) < KNOWN_NAMES and len(name) < LONG:  # long names from clients must not fill the memory
        NAMES[name] = text
    return text


TAGS_HEADER = "x-fairtrial-tags"
