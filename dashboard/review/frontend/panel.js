// The panel under the pair: which is better, then the marks with their anchors, then the note.

function question(desk) {
  const buttons = OUTCOMES.map(({ key, name, words }) =>
    button(key, words, () => desk.choose(name), {
      class: "outcome",
      "data-outcome": name,
      role: "radio",
      "aria-checked": String(desk.draft.outcome === name),
    }),
  );
  return make(
    "section",
    { class: `question ${desk.row === 0 ? "focused" : ""}` },
    make("h4", { id: "question" }, "Which answer is better?"),
    make("div", { class: "outcomes", role: "radiogroup", "aria-labelledby": "question" }, buttons),
  );
}

function marks(desk) {
  const lines = desk.rubric.map((line) =>
    make(
      "div",
      { class: "line" },
      scale(desk, line, "left"),
      make("span", { class: "dimension" }, line.dimension),
      scale(desk, line, "right"),
    ),
  );
  return make("section", { class: `marks ${desk.draft.outcome ? "" : "later"}`, "aria-label": "Marks" }, lines, anchors(desk));
}

function scale(desk, line, side) {
  const row = desk.rows.findIndex((one) => one && one.dimension === line.dimension && one.side === side);
  const value = desk.draft.ratings[side][line.dimension];
  const label = `${line.dimension} of ${SIDE_WORDS[side]}`;
  const buttons = [1, 2, 3, 4, 5, null].map((mark) =>
    button(null, mark === null ? "n/a" : String(mark), () => desk.mark(row, mark), {
      class: mark === null ? "mark none" : "mark",
      role: "radio",
      "aria-checked": String(value === mark),
      "aria-label": mark === null ? `${label}: not applicable` : `${label}: ${mark}, ${line.anchors[mark - 1]}`,
      title: mark === null ? "Not applicable (0)" : line.anchors[mark - 1],
    }),
  );
  return make(
    "div",
    { class: `scale ${desk.row === row ? "focused" : ""}`, role: "radiogroup", "aria-label": label, "data-row": `${line.dimension}-${side}` },
    buttons,
  );
}

function anchors(desk) {
  const row = desk.rows[desk.row];
  if (!row) {
    const words = desk.draft.outcome
      ? "Enter submits. Down goes to the marks."
      : "First say which answer is better; then mark accuracy, tone and usefulness from 1 to 5.";
    return make("div", { class: "anchors hint" }, words);
  }
  const line = desk.rubric.find((one) => one.dimension === row.dimension);
  const value = desk.draft.ratings[row.side][row.dimension];
  const sentences = line.anchors.map((sentence, at) =>
    make("li", { class: value === at + 1 ? "chosen" : "" }, badge(String(at + 1)), make("span", {}, sentence)),
  );
  return make(
    "div",
    { class: "anchors", "aria-live": "polite" },
    make("p", {}, make("b", {}, SIDE_WORDS[row.side]), ` ${line.question}`),
    make("ol", {}, sentences),
  );
}

function note(desk) {
  const box = make("textarea", {
    class: "note",
    rows: "1",
    maxlength: "10000",
    "aria-label": "Note",
    oninput: () => desk.setComment(box.value),
  });
  box.value = desk.draft.comment;
  askForNote(box, desk.draft);
  return box;
}

function askForNote(box, draft) {
  const needed = needsNote(draft);
  box.toggleAttribute("aria-invalid", needed);
  box.placeholder = needed
    ? "Say why: a mark of 2 or less needs a note"
    : "A note, hidden from other reviewers until the queue is closed";
}
