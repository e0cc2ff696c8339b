// What a reviewer has said of the pair on the screen, and the rows that the keys walk over.

const OUTCOMES = [
  { key: "1", name: "left", words: "Answer 1" },
  { key: "2", name: "tie", words: "Equally good" },
  { key: "3", name: "right", words: "Answer 2" },
  { key: "4", name: "both_bad", words: "Both bad" },
  { key: "0", name: "cant_judge", words: "Can’t judge" },
];
const SIDES = ["left", "right"];
const SIDE_WORDS = { left: "Answer 1", right: "Answer 2" };
const LOW = 2; // a mark of this or less needs a note

function emptyDraft(dimensions) {
  const marks = () => Object.fromEntries(dimensions.map((name) => [name, null]));
  return {
    outcome: null,
    ratings: { left: marks(), right: marks() },
    comment: "",
    edited: { left: null, right: null },
    flagged: false,
  };
}

function filledDraft(dimensions, found) {
  const draft = emptyDraft(dimensions);
  if (!found) return draft;
  for (const side of SIDES) {
    Object.assign(draft.ratings[side], found.ratings?.[side] ?? {});
    draft.edited[side] = found.edited?.[side] ?? null;
  }
  return { ...draft, outcome: found.outcome ?? null, comment: found.comment ?? "", flagged: Boolean(found.flagged) };
}

// The first row is the pair's question; then each dimension for both answers.
function rowsOf(dimensions) {
  return [null, ...dimensions.flatMap((dimension) => SIDES.map((side) => ({ dimension, side })))];
}

// Where a reviewer goes on after a reload: at the question, else at the first mark that is not given.
function rowToGoOn(draft, rows) {
  if (!draft.outcome) return 0;
  const open = rows.findIndex((row) => row && draft.ratings[row.side][row.dimension] === null);
  return open < 0 ? rows.length - 1 : open;
}

function needsNote(draft) {
  const low = SIDES.some((side) => Object.values(draft.ratings[side]).some((mark) => mark !== null && mark <= LOW));
  return low && !draft.comment.trim();
}
