// The dialog that lists every keyboard shortcut.

const KEYS = [
  ["1  2  3", "Answer 1 is better, equally good, Answer 2 is better"],
  ["4  0", "both bad, can’t judge"],
  ["1 … 5", "rate the selected row and go to the next; 0 means not applicable"],
  ["↑  ↓  ←  →", "move to another row or side"],
  ["Enter", "submit and go to the next pair"],
  ["U", "undo the last vote (up to ten)"],
  ["S", "skip this pair"],
  ["N", "write a note"],
  ["E", "edit the selected answer (Shift+E: the other one)"],
  ["F", "flag the pair as dangerous or broken"],
  ["D", "highlight the words that differ"],
  ["P  V", "show the system prompt or the reference answer"],
  ["Space", "scroll both answers"],
  ["Esc", "stop typing, or close this dialog"],
  ["Ctrl+Enter", "submit while writing"],
];

function shortcutHelp(app) {
  const lines = KEYS.map(([keys, words]) => [
    make("dt", {}, keys.split("  ").map((key) => badge(key))),
    make("dd", {}, words),
  ]);
  return make(
    "div",
    { class: "veil", onclick: () => app.toggleHelp() },
    make(
      "div",
      { class: "card", role: "dialog", "aria-modal": "true", "aria-label": "Keyboard shortcuts", onclick: (event) => event.stopPropagation() },
      make("h3", {}, "Keyboard shortcuts"),
      make("dl", {}, lines.flat()),
      button("Esc", "Close", () => app.toggleHelp(), { class: "action" }),
    ),
  );
}
