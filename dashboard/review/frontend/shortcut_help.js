// The key sheet: every key of the page, on one card.

const KEYS = [
  ["1  2  3", "Answer 1 is better, equally good, Answer 2 is better"],
  ["4  0", "both bad, can’t judge"],
  ["1 … 5", "on a mark: give it and go to the next; 0 is not applicable"],
  ["↑  ↓  ←  →", "go to another row or side"],
  ["Enter", "submit and go to the next pair"],
  ["U", "undo: the last pair comes back (up to ten)"],
  ["S", "skip this pair"],
  ["N", "write a note"],
  ["E", "edit the answer whose row it is (Shift+E: the other one)"],
  ["F", "flag as dangerous or broken"],
  ["D", "mark the words that differ"],
  ["P  V", "open the system prompt, the reference answer"],
  ["Space", "scroll both answers"],
  ["Esc", "leave a text, close this card"],
  ["Ctrl+Enter", "submit while writing"],
];

function sheet(desk) {
  const lines = KEYS.map(([keys, words]) => [
    make("dt", {}, keys.split("  ").map((key) => badge(key))),
    make("dd", {}, words),
  ]);
  return make(
    "div",
    { class: "veil", onclick: () => desk.toggleSheet() },
    make(
      "div",
      { class: "card", role: "dialog", "aria-modal": "true", "aria-label": "Keys", onclick: (event) => event.stopPropagation() },
      make("h3", {}, "Keys"),
      make("dl", {}, lines.flat()),
      button("Esc", "Close", () => desk.toggleSheet(), { class: "action" }),
    ),
  );
}
