// The reviewer's draft for the current pair, and the rows that the arrow keys move through.

const OUTCOMES = [
  { key: "1", name: "left", words: "Answer 1" },
  { key: "2", name: "tie", words: "Equally good" },
  { key: "3", name: "right", words: "Answer 2" },
  { key: "4", name: "both_bad", words: "Both bad" },
  { key: "0", name: "cant_judge", words: "Can’t judge" },
];
const SIDES = ["left", "right"];
const SIDE_WORDS = { left: "Answer 1", right: "Answer 2" };
const LOW = 2; // a rating of this or less needs a note

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

function filledDraft(dimensions, saved) {
  const draft = emptyDraft(dimensions);
  if (!saved) return draft;
  for (const side of SIDES) {
    Object.assign(draft.ratings[side], saved.ratings?.[side] ?? {});
    draft.edited[side] = saved.edited?.[side] ?? null;
  }
  return { ...draft, outcome: saved.outcome ?? null, comment: saved.comment ?? "", flagged: Boolean(saved.flagged) };
}

// The first row is the preference question, followed by each dimension for both answers.
function rowsOf(dimensions) {
  return [null, ...dimensions.flatMap((dimension) => SIDES.map((side) => ({ dimension, side })))];
}

// The row to continue at after a reload: the question, or the first missing rating.
function firstOpenRow(draft, rows) {
  if (!draft.outcome) return 0;
  const open = rows.findIndex((row) => row && draft.ratings[row.side][row.dimension] === null);
  return open < 0 ? rows.length - 1 : open;
}

function needsNote(draft) {
  const low = SIDES.some((side) => Object.values(draft.ratings[side]).some((mark) => mark !== null && mark <= LOW));
  return low && !draft.comment.trim();
}
