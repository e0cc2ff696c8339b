"""Defines a family: questions of one form, after an example that shows the form of the answer."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from evaluators.generators.draw import Draw
from evaluators.generators.question import Question, gives_away, known_questions, normalise


@dataclass(frozen=True, slots=True)
class Family:
    """``pool`` makes all questions; ``example``, a question with its answer, is the turn before each of them."""

    name: str
    kind: str
    pool: Callable[[], Iterable[Question]]
    example: tuple[str, str] | None = None

    def messages(self, asked: Question) -> list[dict[str, str]]:
        """The example as finished turns, then the question."""
        last = {"role": "user", "content": asked.text}
        if self.example is None:
            return [last]
        question, answer = self.example
        return [{"role": "user", "content": question}, {"role": "assistant", "content": answer}, last]

    def questions(self) -> list[Question]:
        """The questions of the pool that are fit to be asked, each once, in the pool's order."""
        return list(dict.fromkeys(asked for asked in self.pool() if self._fit(asked)))

    def draw(self, seed: int, count: int) -> list[Question]:
        """``count`` different questions in random order; raises `ValueError` if the pool has fewer."""
        fit = self.questions()
        if len(fit) < count:
            raise ValueError(f"{self.name}: the pool has {len(fit)} questions, but {count} are needed")
        return Draw(seed, self.name).shuffled(fit)[:count]

    def _fit(self, asked: Question) -> bool:
        """Repeating the question or the example doesn't pass, and no fine-tune was trained on the question."""
        shown = (asked.text, *(self.example or ()))
        return not any(gives_away(text, asked) for text in shown) and normalise(asked.text) not in known_questions()
