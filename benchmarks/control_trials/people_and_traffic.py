"""Gates with reviewed pairs, live lines, and several suites."""

from __future__ import annotations

from benchmarks.control_trials.answers import right
from benchmarks.control_trials.entry import Entry, Written, content, form
from benchmarks.control_trials.rows import facts, labels, plain, tickets

ERRORS = "errors <= 1%"
SCHEMA = Written(
    tickets(60), "[json_schema: {name: schema, schema: {type: object, required: [intent]}}]", ("schema.valid >= 95%",)
)
ANY = Written(plain(60), r"[regex: '\S']", ("regex >= 95%", ERRORS))
RARE = Written(labels({"ham": 95, "spam": 5}), "[label: [ham, spam]]", ("label.accuracy >= 85%",))
FACTS = Written(facts(60), "[exact: strip]", ("exact >= 80%", ERRORS))
GOOD, FAIR = right(100), right(85)
PREFERRED = "review.preference not worse than base by 5pp"
PRIMARY, GUARDRAILS = "live.primary better than base", "live.guardrails hold"


ENTRIES: tuple[Entry, ...] = (
    content(
        "review-only",
        (),
        GOOD,
        FAIR,
        "People saw both answers to each question.",
        require=(PREFERRED,),
        won=40,
        lost=15,
        ties=10,
    ),
    content(
        "review-and-schema",
        SCHEMA,
        GOOD,
        FAIR,
        "The schema is form, and the reviewed pairs are content.",
        require=(PREFERRED,),
        won=40,
        lost=15,
        ties=10,
    ),
    form(
        "reviewed-without-a-line",
        SCHEMA,
        GOOD,
        FAIR,
        "The reviewed pairs are shown, and no line reads them.",
        won=40,
        lost=15,
        ties=10,
    ),
    form("live-guardrails-only", (), GOOD, FAIR, "The guardrail counts errors.", require=(GUARDRAILS,), primary="none"),
    form(
        "live-guardrails-and-schema",
        SCHEMA,
        GOOD,
        FAIR,
        "The guardrail counts errors, and a schema is form.",
        require=(GUARDRAILS,),
        primary="none",
    ),
    form(
        "live-primary-on-errors",
        (),
        GOOD,
        FAIR,
        "The primary metric counts errors, which are never content.",
        require=(PRIMARY, GUARDRAILS),
        primary="errors",
    ),
    content(
        "live-primary-on-feedback",
        (),
        GOOD,
        FAIR,
        "Users rated the answers that they got.",
        require=(PRIMARY,),
        primary="feedback",
    ),
    form("mixed-three-forms", (SCHEMA, ANY, RARE), GOOD, FAIR, "A schema, any text and 95/5 labels are all form."),
    content("mixed-forms-and-one-content", (SCHEMA, ANY, FACTS), GOOD, FAIR, "One line asks for the right answers."),
)
