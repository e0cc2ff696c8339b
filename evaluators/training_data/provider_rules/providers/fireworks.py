"""Fireworks' rules for supervised fine-tuning and direct preference optimization."""

from evaluators.training_data.provider_rules import messages, tool_calls
from evaluators.training_data.provider_rules.rule import (
    ANSWERS,
    PAIR,
    Provider,
    ProviderRule,
    RowLayout,
    chat,
    json_lines,
    least_rows,
    most_rows,
    preference,
)

TEXT = "Supervised fine-tuning: text"
VISION = "Supervised fine-tuning: vision"
PREFERENCE = "Direct preference optimization"
WEIGHTED = "Weighted training"
DOCS = "https://docs.fireworks.ai/fine-tuning"
SHARED = (
    ProviderRule("roles", "roles `system`, `user`, `assistant`, and `tool` for results of calls", TEXT,
         messages.roles("system", "user", "assistant", "tool")),
    ProviderRule("content", "a text as content, or parts with images of the user; none only beside calls", VISION,
         messages.contents(user=("text", "image_url"))),
    ProviderRule("system-first", "a system message only as the first", TEXT, messages.system_first),
    *tool_calls.tool_rules(TEXT),
    ProviderRule("two-turns", "no two messages of the user or assistant in a row",
         "No document of Fireworks forbids it; Together does", messages.alternates, "suggestion"),
)  # fmt: skip
provider = Provider(
    "Fireworks",
    {
        TEXT: f"{DOCS}/fine-tuning-models",
        VISION: f"{DOCS}/fine-tuning-vlm",
        PREFERENCE: f"{DOCS}/dpo-fine-tuning",
        WEIGHTED: f"{DOCS}/weighted-training",
    },
    (
        RowLayout("chat", ("messages",), "`messages`, a list of objects", TEXT, chat, (
            *SHARED,
            ProviderRule("weight", "a weight of 0 or 1 in a message", TEXT, messages.weights),
            ProviderRule("row-weight", "a number as weight of the row", WEIGHTED, messages.ROW_WEIGHT),
        )),
        RowLayout("preference", ("input", *ANSWERS), PAIR, PREFERENCE, preference, (
            *SHARED,
            ProviderRule("one-answer", "exactly one message of the assistant as each output", PREFERENCE,
                         messages.ONE_ANSWER),
        )),
    ),
    (json_lines(TEXT), least_rows(3, TEXT), most_rows(3_000_000, TEXT)),
)  # fmt: skip
