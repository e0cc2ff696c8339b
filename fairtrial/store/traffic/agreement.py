"""Compares what users said of answers with whether they asked again."""

from dataclasses import dataclass

from fairtrial.store.core.database import Database
from fairtrial.store.core.query import timestamp

READ = """
WITH said AS (
    SELECT key, subject, arg_max(boolean, (at_time, feedback_id)) AS yes
    FROM feedback
    WHERE attribution = 'request' AND subject_experiment = $1 AND subject_time >= $2 AND boolean IS NOT NULL
    GROUP BY key, subject
), compared AS (
    SELECT key, yes, next_request IS NOT DISTINCT FROM 'reworded' AS again
    FROM requests JOIN said ON request_id = subject
    WHERE question AND requests.at_time >= $2
)
SELECT key, count(*) FILTER (yes AND again), count(*) FILTER (again), count(*) FILTER (yes AND NOT again),
    count(*) FILTER (NOT again)
FROM compared
GROUP BY key
HAVING count(DISTINCT again) = 2
ORDER BY key
"""


@dataclass(frozen=True, slots=True)
class Agreement:
    """How many questions were rated yes, of those asked again and of the others, by the key of the feedback."""

    key: str
    yes_again: int
    again: int
    yes_others: int
    others: int

    @property
    def sentence(self) -> str:
        again, others = self.yes_again / self.again, self.yes_others / self.others
        return (
            f"feedback.{self.key} is yes for {again:.0%} of {self.again:,} questions that were asked again, and for"
            f" {others:.0%} of {self.others:,} others."
        )


def read_agreement(database: Database, experiment: str, *, from_us: int) -> list[Agreement]:
    """The agreement with each yes-or-no feedback about questions since then; raises `StoreError`.

    A key without ratings of both kinds of questions is left out.
    """
    return [Agreement(*row) for row in database.rows(READ, (experiment, timestamp(from_us)))]
