// The panel below the pair: the preference, the ratings with their anchors, and the note.

function question(app) {
  const buttons = OUTCOMES.map(({ key, name, words }) =>
    button(key, words, () => app.setOutcome(name), {
      class: "outcome",
      "data-outcome": name,
      role: "radio",
      "aria-checked": String(app.draft.outcome === name),
    }),
  );
  return make(
    "section",
    { class: `question ${app.row === 0 ? "focused" : ""}` },
    make("h4", { id: "question" }, "Which answer is better?"),
    make("div", { class: "outcomes", role: "radiogroup", "aria-labelledby": "question" }, buttons),
  );
}

function marks(app) {
  const lines = app.rubric.map((line) =>
    make(
      "div",
      { class: "line" },
      scale(app, line, "left"),
      make("span", { class: "dimension" }, line.dimension),
      scale(app, line, "right"),
    ),
  );
  return make("section", { class: `marks ${app.draft.outcome ? "" : "later"}`, "aria-label": "Ratings" }, lines, anchors(app));
}

function scale(app, line, side) {
  const row = app.rows.findIndex((one) => one && one.dimension === line.dimension && one.side === side);
  const value = app.draft.ratings[side][line.dimension];
  const label = `${line.dimension} of ${SIDE_WORDS[side]}`;
  const buttons = [1, 2, 3, 4, 5, null].map((mark) =>
    button(null, mark === null ? "n/a" : String(mark), () => app.setMark(row, mark), {
      class: mark === null ? "mark none" : "mark",
      role: "radio",
      "aria-checked": String(value === mark),
      "aria-label": mark === null ? `${label}: not applicable` : `${label}: ${mark}, ${line.anchors[mark - 1]}`,
      title: mark === null ? "Not applicable (0)" : line.anchors[mark - 1],
    }),
  );
  return make(
    "div",
    { class: `scale ${app.row === row ? "focused" : ""}`, role: "radiogroup", "aria-label": label, "data-row": `${line.dimension}-${side}` },
    make("span", { class: "side", "aria-hidden": "true" }, SIDE_WORDS[side]),
    buttons,
  );
}

function anchors(app) {
  const row = app.rows[app.row];
  if (!row) {
    const words = app.draft.outcome
      ? "Press Enter to submit, or Down to rate the answers."
      : "First choose which answer is better. Then rate accuracy, tone and usefulness from 1 to 5.";
    return make("div", { class: "anchors hint" }, words);
  }
  const line = app.rubric.find((one) => one.dimension === row.dimension);
  const value = app.draft.ratings[row.side][row.dimension];
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

function note(app) {
  const box = make("textarea", {
    class: "note",
    rows: "1",
    maxlength: "10000",
    "aria-label": "Note",
    oninput: () => app.setComment(box.value),
  });
  box.value = app.draft.comment;
  markNoteRequired(box, app.draft);
  return box;
}

function markNoteRequired(box, draft) {
  const needed = needsNote(draft);
  box.toggleAttribute("aria-invalid", needed);
  box.placeholder = needed
    ? "Required: explain the rating of 2 or less"
    : "Note (hidden from other reviewers until the queue is closed)";
}
