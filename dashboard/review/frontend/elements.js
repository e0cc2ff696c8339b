// Elements made by hand: foreign text only ever becomes a text node, so markup in it is shown and never obeyed.

function make(tag, props, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(props ?? {})) {
    if (value === null || value === undefined || value === false) continue;
    if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
    else element.setAttribute(name, value === true ? "" : String(value));
  }
  element.append(...children.flat().filter((child) => child !== null && child !== undefined && child !== false));
  return element;
}

function badge(key) {
  return make("kbd", { "aria-hidden": "true" }, key);
}

// A button never takes the focus from the keys when it is clicked; by Tab it can be reached.
function button(key, label, onclick, props) {
  const parts = key ? [badge(key), make("span", {}, label)] : [make("span", {}, label)];
  return make(
    "button",
    { type: "button", onclick, onmousedown: (event) => event.preventDefault(), "aria-keyshortcuts": key, ...props },
    parts,
  );
}
