// Creates DOM elements. Untrusted text only becomes text nodes, so markup in it is never interpreted.

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

// A click does not move the keyboard focus to the button. The button is still reachable with Tab.
function button(key, label, onclick, props) {
  const parts = key ? [badge(key), make("span", {}, label)] : [make("span", {}, label)];
  return make(
    "button",
    { type: "button", onclick, onmousedown: (event) => event.preventDefault(), "aria-keyshortcuts": key, ...props },
    parts,
  );
}
