// Draws the cases of a run. Untrusted text only becomes text nodes, so markup in it is never interpreted.

function make(tag, name, ...children) {
  const element = document.createElement(tag);
  if (name) element.className = name;
  element.append(...children.flat().filter((child) => child !== null && child !== undefined && child !== ""));
  return element;
}

const MARKS = { base: "del", candidate: "ins" };

function text(pieces, side) {
  if (pieces.length === 0) return make("p", "text empty", "(empty answer)");
  const marked = pieces.map(([words, mark]) => (mark === "only" && MARKS[side] ? make(MARKS[side], "", words) : words));
  const shown = make("p", "text", marked);
  shown.tabIndex = 0;
  return shown;
}

function pane(side) {
  const scores = side.scores.map(([metric, value, why]) => make("li", why ? "reason" : "", make("b", "", value), metric ? ` ${metric}` : "", why ? `: ${why}` : ""));
  return make(
    "section",
    "pane",
    make("h4", "", side.title),
    side.note ? make("p", "note", side.note) : null,
    text(side.pieces, side.side),
    scores.length ? make("ul", "scores", scores) : null,
  );
}

function asked(messages) {
  const rows = messages.map(([role, words]) => make("div", "message", make("span", "role", role), make("p", "text", words)));
  return make("div", "asked", rows);
}

function head(one) {
  const link = make("a", "link", one.case_id);
  link.href = one.link;
  link.target = "_self";
  const change = one.change ? make("span", `change ${one.change.replace(" ", "-")}`, one.change) : null;
  return make("header", "", link, change, make("span", "tags", one.tags));
}

function drawn(one) {
  const expected = one.expected ? make("div", "expected", make("span", "role", "expected"), make("p", "text", one.expected)) : null;
  return make("article", "", head(one), asked(one.asked), expected, make("div", "sides", one.sides.map(pane)));
}

export default function ({ data, parentElement }) {
  const place = parentElement.querySelector(".cases") ?? parentElement.appendChild(make("div", "cases"));
  place.replaceChildren(...data.cases.map(drawn));
}
