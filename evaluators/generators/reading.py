"""Generates reading questions: two sentences about two people, one of which has the answer."""

from __future__ import annotations

from dataclasses import dataclass

from evaluators.generators.arithmetic import in_words
from evaluators.generators.draw import Draw
from evaluators.generators.question import Question, question

PEOPLE = [
    "Anna",
    "Ben",
    "Clara",
    "David",
    "Emma",
    "Felix",
    "Grace",
    "Henry",
    "Ines",
    "Jack",
    "Karim",
    "Laura",
    "Mia",
    "Noah",
    "Olga",
    "Paul",
    "Rosa",
    "Sam",
    "Tara",
    "Victor",
]


@dataclass(frozen=True, slots=True)
class Story:
    """``statement`` states a fact about a person; ``question`` asks for it."""

    statement: str
    question: str
    things: tuple[str, ...]


STORIES = (
    Story("{who} lives in {what}.", "In which city does {who} live?", ("Lisbon", "Oslo", "Boston", "Cairo", "Lyon")),
    Story("{who} has a {what} coat.", "What colour is {who}'s coat?", ("red", "green", "yellow", "grey", "purple")),
    Story("{who} works as a {what}.", "What is {who}'s job?", ("nurse", "pilot", "baker", "farmer", "teacher")),
    Story("{who} keeps a {what} at home.", "Which pet does {who} keep?", ("parrot", "rabbit", "hamster", "turtle")),
    Story("{who} plays the {what}.", "Which instrument does {who} play?", ("piano", "flute", "violin", "drums")),
    Story(
        "{who} comes to work by {what}.", "How does {who} come to work?", ("bus", "tram", "bicycle", "train", "boat")
    ),
    Story("{who} ordered {what} for lunch.", "What did {who} order?", ("soup", "salad", "pizza", "rice", "pasta")),
    Story("{who} was born in {what}.", "In which month was {who} born?", ("January", "June", "August", "October")),
    Story("{who} bought {what} pears.", "How many pears did {who} buy?", ("3", "4", "6", "7", "8", "12")),
    Story("{who} lost a {what} on the beach.", "What did {who} lose?", ("watch", "ring", "shoe", "book", "towel")),
    Story("{who} is learning {what}.", "Which language is {who} learning?", ("Dutch", "Greek", "Turkish", "Korean")),
    Story("{who} will visit us on {what}.", "On which day will {who} visit us?", ("Monday", "Friday", "Sunday")),
)


def reading(seed: int, count: int) -> list[Question]:
    """Draw ``count`` distinct passages, each with two people and two things."""
    draw = Draw(seed, "reading")
    drawn: dict[str, Question] = {}
    while len(drawn) < count:
        asked = _asked(draw, STORIES[len(drawn) % len(STORIES)])
        drawn.setdefault(asked.text, asked)
    return list(drawn.values())


def _asked(draw: Draw, story: Story) -> Question:
    people = draw.shuffled(PEOPLE)[:2]
    things = draw.shuffled(story.things)[:2]
    passage = " ".join(story.statement.format(who=who, what=what) for who, what in zip(people, things, strict=True))
    chosen = draw.below(2)
    answer = things[chosen]
    accepted = in_words(int(answer)) if answer.isdigit() else [answer]
    return question("reading", f"{passage} {story.question.format(who=people[chosen])}", accepted)
