"""YAML 1.2 with line numbers: plain values, and the line on which each of them stands."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML
from ruamel.yaml.error import MarkedYAMLError, YAMLError
from ruamel.yaml.nodes import MappingNode, Node, ScalarNode, SequenceNode

from fairtrial.config.yaml_values import MERGE, TOO_DEEP, construct, pairs, text_of
from fairtrial.domain.errors import ConfigError, Mistake

Step = str | int
PROJECT_FILE = "fairtrial.yaml"
NO_PROJECT = "`fairtrial init DIR` writes a new project; the commands are typed in its folder"


@dataclass(frozen=True, slots=True)
class Document:
    """One YAML document of a file.

    ``value``: dict, list, str, int, float, bool or None, with text keys; ``file``: as mistakes name it.
    """

    file: str
    value: Any
    root: Node

    def line_of(self, path: Iterable[Step] = ()) -> int:
        """The line, from 1, of the key or item at this path, or of the nearest thing above it that exists."""
        node, line = self.root, int(self.root.start_mark.line) + 1
        for step in path:
            found = _inside(node, step)
            if found is None:
                return line
            node, line = found
        return line

    def mistake(self, path: Iterable[Step], wrong: str, known: str = "") -> Mistake:
        """A mistake at this place of the file."""
        steps = tuple(path)
        return Mistake(self.file, self.line_of(steps), dotted(steps), wrong, known)


def load(path: Path) -> list[Document]:
    """Every document of the file; raises `ConfigError` with all mistakes: unreadable, bad syntax, duplicate keys."""
    name = str(path)
    roots = _compose(name, _read(path, name))
    mistakes: list[Mistake] = []
    documents = [Document(name, construct(root, name, mistakes), root) for root in roots]
    if mistakes:
        raise ConfigError(mistakes)
    return documents


def load_one(path: Path) -> Document:
    """The only document of the file; raises `ConfigError` if it is empty, has several, or is not a mapping."""
    documents = load(path)
    if not documents:
        raise ConfigError([Mistake(str(path), 1, "", "the file is empty")])
    if len(documents) > 1:
        line = documents[1].line_of()
        raise ConfigError(
            [Mistake(str(path), line, "", "a second document begins here", "one is allowed in this file")]
        )
    if not isinstance(documents[0].value, dict):
        raise ConfigError([documents[0].mistake((), "must be a mapping of names to values")])
    return documents[0]


def dotted(path: Iterable[Step]) -> str:
    """``("guardrails", 0, "margin")`` as ``guardrails[0].margin``."""
    text = ""
    for step in path:
        text += f"[{step}]" if isinstance(step, int) else f".{step}" if text else step
    return text


def _read(path: Path, name: str) -> str:
    try:
        return path.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError as error:
        line = error.object[: error.start].count(b"\n") + 1
        raise ConfigError([Mistake(name, line, "", "not UTF-8 text")]) from error
    except OSError as error:
        known = NO_PROJECT if path.name == PROJECT_FILE and isinstance(error, FileNotFoundError) else ""
        raise ConfigError([Mistake(name, 1, "", f"can't be read: {error.strerror}", known)]) from error


def _compose(name: str, text: str) -> list[Node]:
    try:
        return list(YAML(typ="safe", pure=True).compose_all(text))
    except RecursionError as error:
        raise ConfigError([Mistake(name, 1, "", TOO_DEEP)]) from error
    except MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        line = min(mark.line + 1, text.rstrip("\n").count("\n") + 1) if mark else 1
        raise ConfigError([Mistake(name, line, "", f"not YAML: {error.problem}", error.context or "")]) from error
    except YAMLError as error:
        position = getattr(error, "position", 0)
        line = text[:position].count("\n") + 1 if isinstance(position, int) else 1
        reason = getattr(error, "reason", None) or str(error)
        raise ConfigError([Mistake(name, line, "", f"not YAML: {reason}")]) from error


def _inside(node: Node, step: Step) -> tuple[Node, int] | None:
    """The child of that name or number, and the line of its key."""
    if isinstance(node, SequenceNode) and isinstance(step, int) and 0 <= step < len(node.value):
        item = node.value[step]
        return item, item.start_mark.line + 1
    if isinstance(node, MappingNode):
        return next(_named(node, str(step)), None)
    return None


def _named(node: MappingNode, name: str) -> Iterator[tuple[Node, int]]:
    for key, value in pairs(node):
        if isinstance(key, ScalarNode) and text_of(key) == name:
            yield value, key.start_mark.line + 1
    for key, value in pairs(node):
        if key.tag == MERGE:
            for source in value.value if isinstance(value, SequenceNode) else [value]:
                if isinstance(source, MappingNode):
                    yield from _named(source, name)
