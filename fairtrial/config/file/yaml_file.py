"""Reads YAML 1.2 as plain values, with the line number of each value."""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML
from ruamel.yaml.composer import Composer, MaxDepthExceededError
from ruamel.yaml.error import MarkedYAMLError, YAMLError
from ruamel.yaml.nodes import MappingNode, Node, ScalarNode, SequenceNode

from fairtrial.config.file import yaml_values
from fairtrial.config.file.project_files import MOST_YAML_BYTES, PROJECT_FILE, Budget, project_root, read_text
from fairtrial.domain.errors import ConfigError, Diagnostic
from fairtrial.safe_files import FileRefused

Step = str | int
OTHER_VERSION = re.compile(r"^%YAML\s+(?!1\.2\b)(\S+)", re.MULTILINE)
LONGEST_MESSAGE = 600
NO_PROJECT = "`fairtrial init DIR` writes a new project; the commands are typed in its folder"


@dataclass(frozen=True, slots=True)
class Document:
    """One YAML document of a file.

    ``value``: dict, list, str, int, float, bool or None, with text keys; ``file``: its name in errors.
    """

    file: str
    value: Any
    root: Node

    def line_of(self, path: Iterable[Step] = ()) -> int:
        """The line, from 1, of the key or item at this path, or of its nearest existing ancestor."""
        node, line = self.root, int(self.root.start_mark.line) + 1
        for step in path:
            place = _inside(node, step)
            if place is None:
                return line
            node, line = place
        return line

    def diagnostic(self, path: Iterable[Step], wrong: str, known: str = "") -> Diagnostic:
        """An error or warning at this place of the file."""
        steps = tuple(path)
        return Diagnostic(self.file, self.line_of(steps), dotted(steps), _short(wrong), _short(known))


def load(path: Path, *, root: Path | None = None, budget: Budget | None = None) -> list[Document]:
    """Read every document of the file; raises `ConfigError` with all errors.

    Errors are unreadable files, invalid syntax and duplicate keys. ``root``: the folder that must contain the file, by
    default its project's. ``budget``: what the command may still read. Size, depth and number of values are limited,
    including values that aliases repeat.
    """
    name = str(path)
    budget = budget or Budget()
    return parse(_read(path, root or project_root(path), budget), name, budget=budget)


def parse(text: str, name: str, *, budget: Budget | None = None) -> list[Document]:
    """Read every document of this text, with the same limits. Errors call it ``name``. Opens no file."""
    _refuse_other_version(text, name)
    roots = _compose(name, text, budget or Budget())
    bomb = yaml_values.expands_too_far(roots, name)
    if bomb is not None:
        raise ConfigError([bomb])
    errors: list[Diagnostic] = []
    documents = [Document(name, yaml_values.Values(name, errors).of(root), root) for root in roots]
    if errors:
        raise ConfigError(errors)
    return documents


def load_one(path: Path, *, budget: Budget | None = None) -> Document:
    """Read the only document of the file; raises `ConfigError` if it is empty, has several, or is not a mapping."""
    return _only(load(path, budget=budget), str(path))


def parse_one(text: str, name: str) -> Document:
    """Read the only document of this text. Opens no file."""
    return _only(parse(text, name), name)


def _only(documents: list[Document], name: str) -> Document:
    if not documents:
        raise ConfigError([Diagnostic(name, 1, "", "the file is empty")])
    if len(documents) > 1:
        line = documents[1].line_of()
        raise ConfigError([Diagnostic(name, line, "", "a second document begins here", "one is allowed in this file")])
    if not isinstance(documents[0].value, dict):
        raise ConfigError([documents[0].diagnostic((), "must be a mapping of names to values")])
    return documents[0]


def dotted(path: Iterable[Step]) -> str:
    """``("guardrails", 0, "margin")`` as ``guardrails[0].margin``."""
    text = ""
    for step in path:
        text += f"[{step}]" if isinstance(step, int) else f".{step}" if text else step
    return text


def _short(text: str) -> str:
    """The start of a long text, because messages quote the file."""
    return text if len(text) <= LONGEST_MESSAGE else f"{text[: LONGEST_MESSAGE - 1]}…"


def _read(path: Path, root: Path, budget: Budget) -> str:
    try:
        return read_text(path, root, most=MOST_YAML_BYTES, budget=budget)
    except FileRefused as error:
        missing = path.name == PROJECT_FILE and isinstance(error.__cause__, FileNotFoundError)
        wrong, known = error.wrong.removeprefix("is "), NO_PROJECT if missing else error.known
        raise ConfigError([Diagnostic(str(path), error.line, "", wrong, known)]) from error


def _refuse_other_version(text: str, name: str) -> None:
    match = OTHER_VERSION.search(text)
    if match is not None:
        line = text.count("\n", 0, match.start()) + 1
        raise ConfigError([Diagnostic(name, line, "", f"YAML {match[1]} is not supported", "remove the line")])


def _compose(name: str, text: str, budget: Budget) -> tuple[Node, ...]:
    most = min(yaml_values.MOST_VALUES, budget.values_left)
    try:
        roots, values = _composed(text, most)
    except _TooMany as error:
        budget.values_left -= most
        raise ConfigError([Diagnostic(name, error.line, "", *yaml_values.TOO_MANY)]) from error
    except MaxDepthExceededError as error:
        line = error.problem_mark.line + 1 if error.problem_mark else 1
        raise ConfigError([Diagnostic(name, line, "", yaml_values.TOO_DEEP)]) from error
    except RecursionError as error:
        raise ConfigError([Diagnostic(name, 1, "", yaml_values.TOO_DEEP)]) from error
    except MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        line = min(mark.line + 1, text.rstrip("\n").count("\n") + 1) if mark else 1
        raise ConfigError([Diagnostic(name, line, "", f"not YAML: {error.problem}", error.context or "")]) from error
    except YAMLError as error:
        position = getattr(error, "position", 0)
        line = text[:position].count("\n") + 1 if isinstance(position, int) else 1
        reason = getattr(error, "reason", None) or str(error)
        raise ConfigError([Diagnostic(name, line, "", f"not YAML: {reason}")]) from error
    budget.values_left -= values
    return roots


@lru_cache(maxsize=16)
def _composed(text: str, most: int) -> tuple[tuple[Node, ...], int]:
    """The documents of a text and their number of values, at most ``most``. Control reads the same file often."""
    values = 0

    class Counting(Composer):
        def __init__(self, loader: Any = None) -> None:
            super().__init__(loader)
            self.warn_double_anchors = False  # the library would print a warning to the terminal

        def compose_node(self, parent: Any, index: Any) -> Any:
            nonlocal values
            values += 1
            if values > most:
                raise _TooMany(self.parser.peek_event().start_mark.line + 1)
            return super().compose_node(parent, index)

    reader = YAML(typ="safe", pure=True)
    reader.max_depth = yaml_values.DEPTH
    reader.Composer = Counting
    return tuple(reader.compose_all(text)), values


class _TooMany(Exception):
    """The file has too many values; ``line`` is the line of the first excess one."""

    def __init__(self, line: int) -> None:
        super().__init__(line)
        self.line = line


def _inside(node: Node, step: Step) -> tuple[Node, int] | None:
    """The child with this name or number, and the line of its key."""
    if isinstance(node, SequenceNode) and isinstance(step, int) and 0 <= step < len(node.value):
        item = node.value[step]
        return item, item.start_mark.line + 1
    if isinstance(node, MappingNode):
        return next(_named(node, str(step)), None)
    return None


def _named(node: MappingNode, name: str) -> Iterator[tuple[Node, int]]:
    for key, value in yaml_values.pairs(node):
        if isinstance(key, ScalarNode) and yaml_values.text_of(key) == name:
            yield value, key.start_mark.line + 1
    for key, value in yaml_values.pairs(node):
        if key.tag == yaml_values.MERGE:
            for source in value.value if isinstance(value, SequenceNode) else [value]:
                if isinstance(source, MappingNode):
                    yield from _named(source, name)
