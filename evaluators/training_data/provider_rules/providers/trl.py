"""The rules of TRL, the trainers of Hugging Face, for its types of data sets."""

from evaluators.training_data.provider_rules import messages, tool_calls
from evaluators.training_data.provider_rules.rule import (
    Provider,
    ProviderRule,
    RowLayout,
    answers,
    chat_with_json_tools,
    texts,
)

FORMATS = "Dataset formats and types"
CODE = "TRL 1.16, data_utils"
NOWHERE = "No document of TRL forbids it; some chat templates do"
BOTH = "all texts, or all lists of messages"
RULES = (
    ProviderRule("roles", "roles `system`, `developer`, `user`, `assistant`, `tool`", FORMATS,
         messages.roles("system", "developer", "user", "assistant", "tool")),
    ProviderRule("content", "a text or parts as content; none only beside calls", FORMATS,
         messages.contents(user=("text", "image_url"))),
    *tool_calls.tool_rules(FORMATS, ids=False),
    ProviderRule("two-turns", "no two messages of the user or assistant in a row", NOWHERE, messages.alternates,
                 "suggestion"),
    ProviderRule("system-first", "no system message after the first message", NOWHERE, messages.system_first,
                 "suggestion"),
)  # fmt: skip
LAST = ProviderRule(
    "last-message", "an answer that ends with a message of the assistant", FORMATS, messages.ends_with_assistant
)
ANSWERED = (
    *RULES,
    LAST,
    ProviderRule(
        "open-prompt", "a last message of the prompt of `user`, `tool` or `assistant`", CODE, messages.OPEN_PROMPT
    ),
)
provider = Provider(
    "TRL",
    {
        FORMATS: "https://huggingface.co/docs/trl/dataset_formats",
        CODE: "https://github.com/huggingface/trl/blob/main/trl/data_utils.py",
    },
    (
        RowLayout("messages", ("messages",), "`messages`, a list of objects", FORMATS, chat_with_json_tools,
               RULES),
        RowLayout("prompt-completion", ("prompt", "completion"), f"`prompt` and `completion`, {BOTH}", FORMATS,
               answers("prompt", "completion"), ANSWERED),
        RowLayout("preference", ("prompt", "chosen", "rejected"), f"`prompt`, `chosen` and `rejected`, {BOTH}", FORMATS,
               answers("prompt", "chosen", "rejected"), ANSWERED),
        RowLayout("implicit-preference", ("chosen", "rejected"), f"`chosen` and `rejected`, {BOTH}", FORMATS,
               answers(None, "chosen", "rejected"), (*RULES, LAST)),
        RowLayout("unpaired-preference", ("prompt", "completion", "label"),
               f"`prompt` and `completion`, {BOTH}, and `label`", FORMATS, answers("prompt", "completion"), (
            *ANSWERED,
            ProviderRule("label", "`true` or `false` as `label`", FORMATS, messages.LABEL),
        )),
        RowLayout("text", ("text",), "`text`, a text", FORMATS, texts("text"), ()),
    ),
    (),
    one_layout=CODE,
)  # fmt: skip
