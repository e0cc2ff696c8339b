"""Scores whether an answer is well-formed XML, and the text of its elements against the expected document."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from xml.etree.ElementTree import Element

from evaluators.scoring.scorer import Compared, OffFormat, ScorerType, Stat, read_flag, read_texts
from fairtrial.domain.answers.signals import NotXml, parse_xml
from fairtrial.domain.run import Answer, Case, Score


@dataclass(frozen=True, slots=True)
class Xml:
    """``valid``: 1 for a well-formed document. ``all``: 1 if each named element is right, which has a stat, too."""

    name: str
    elements: tuple[str, ...]
    lenient: bool

    @property
    def version(self) -> str:
        return f"xml/1 of:{','.join(self.elements)} xml:{'lenient' if self.lenient else 'strict'}"

    @property
    def stats(self) -> Sequence[Stat]:
        names = ("all", *self.elements, "valid") if self.elements else ("valid",)
        return tuple(Stat(name, "proportion") for name in names)

    def case_problem(self, case: Case) -> str | None:
        if not self.elements:
            return None
        try:
            root = parse_xml(str(case.expected or ""))
        except NotXml as error:
            return f"has no XML in 'expected': {error}"
        absent = [path for path in self.elements if not root.findall(path)]
        return f"has no element {absent[0]!r} in the expected document" if absent else None

    def score(self, case: Case, answer: Answer) -> Score:
        root = self._root(answer)
        if not self.elements:
            return Score(self.name, {"valid": 1.0})
        expected = parse_xml(str(case.expected))
        pairs = {path: (_texts(root, path), _texts(expected, path)) for path in self.elements}
        right = {path: float(texts == expected_texts) for path, (texts, expected_texts) in pairs.items()}
        wrong_elements = {
            path: {"said": pair[0], "expected": pair[1]} for path, pair in pairs.items() if not right[path]
        }
        values = {"all": float(all(right.values())), **right, "valid": 1.0}
        return Score(self.name, values, {"wrong": wrong_elements} if wrong_elements else {})

    def normalised(self, case: Case, answer: Answer) -> Compared:
        wrong = self.score(case, answer).details.get("wrong", {})
        roots = [self._root(answer), *([parse_xml(str(case.expected))] if self.elements else [])]
        shown = [", ".join(f"{path}: {_texts(root, path)}" for path in self.elements) for root in roots]
        why = "; ".join(
            f"{path} is {difference['said']} instead of {difference['expected']}" for path, difference in wrong.items()
        )
        fine = "every named element is equal" if self.elements else "the answer is well-formed"
        return Compared(shown[0] or (answer.text or "").strip(), tuple(shown[1:]), why or fine)

    def _root(self, answer: Answer) -> Element:
        text = answer.text or ""
        if self.lenient:
            text = text[max(text.find("<"), 0) : text.rfind(">") + 1]
        try:
            return parse_xml(text.strip())
        except NotXml as error:
            wrong = Score(self.name, {stat.name: 0.0 for stat in self.stats})
            raise OffFormat(f"the answer is not XML: {error}", wrong) from error


def _texts(root: Element, path: str) -> list[str]:
    """The text of each element at the path, with single spaces."""
    return [" ".join("".join(element.itertext()).split()) for element in root.findall(path)]


def build(options: Mapping[str, Any], name: str) -> Xml:
    elements = read_texts(options, "of")
    for path in elements:
        if "." in path or path in ("all", "valid"):
            raise ValueError(f"of: {path!r} can't be the name of a stat: write a path such as 'order/item'")
        try:
            Element("root").findall(path)
        except (SyntaxError, KeyError, TypeError) as error:
            raise ValueError(f"of: {path!r} is not a path of elements ({error})") from error
    return Xml(name, elements, read_flag(options, "lenient", default=False))


scorer = ScorerType(
    summary="The answer is well-formed XML, and each named element equals the expected document's.",
    options={
        "of": "Paths of elements below the root, such as `order/item`. The texts of all elements at a path must be "
        "equal, in their order.",
        "lenient": "`yes` takes the text from the first `<` to the last `>`; by default the whole answer must be XML.",
    },
    build=build,
    short="of",
)
