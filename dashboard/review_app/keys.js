// Keyboard shortcuts. They are off while the reviewer is typing.

const SHORTCUTS = {
  ArrowDown: (app) => app.moveRow(1),
  ArrowUp: (app) => app.moveRow(-1),
  ArrowLeft: (app) => app.goToSide("left"),
  ArrowRight: (app) => app.goToSide("right"),
  Enter: (app) => app.submit(),
  " ": (app, event) => app.scroll(event.shiftKey ? -1 : 1),
  u: (app) => app.undo(),
  s: (app) => app.skip(),
  n: (app) => app.writeNote(),
  e: (app, event) => app.editFocused(event.shiftKey),
  f: (app) => app.toggleFlag(),
  d: (app) => app.toggleDiff(),
  p: (app) => app.fold("p"),
  v: (app) => app.fold("v"),
  "?": (app) => app.toggleHelp(),
};
const REPEATABLE = new Set(["ArrowDown", "ArrowUp", "ArrowLeft", "ArrowRight", " "]);
const SUBMITTING = new Set(["Enter", "s"]); // never applied to a pair that was not yet on the screen

function addKeyListener(app) {
  const onKeydown = (event) => handleKey(app, event);
  document.addEventListener("keydown", onKeydown, true);
  return () => document.removeEventListener("keydown", onKeydown, true);
}

function handleKey(app, event) {
  const target = event.composedPath()[0];
  const inside = event.composedPath().includes(app.root);
  if (event.isComposing || event.altKey || event.metaKey || !app.visible) return;
  const writing = target instanceof HTMLElement && (target.isContentEditable || /^(INPUT|TEXTAREA|SELECT)$/.test(target.tagName));
  if (writing && !inside) return;
  if (event.ctrlKey && event.key !== "Enter") return;
  if (writing && !app.leaving) {
    handleTypingKey(app, event, target);
    return;
  }
  const pressable = target instanceof HTMLElement && /^(BUTTON|A|SUMMARY)$/.test(target.tagName);
  if (pressable && (event.key === "Enter" || event.key === " ")) return;
  handleShortcut(app, event);
}

function handleTypingKey(app, event, box) {
  if (event.key === "Escape") box.blur();
  else if (event.key === "Enter" && event.ctrlKey) app.submit();
  else return;
  event.preventDefault();
  event.stopPropagation();
}

function handleShortcut(app, event) {
  const key = event.key.length === 1 ? event.key.toLowerCase() : event.key;
  if (!isShortcut(key) && !(app.leaving && app.queuedKeysAreText)) return;
  event.preventDefault();
  event.stopPropagation();
  if (event.repeat && !REPEATABLE.has(key)) return;
  if (app.helpOpen && key !== "?" && key !== "Escape") return;
  if (app.leaving && (app.queuedKeysAreText || key !== "u")) app.queueKey({ key: event.key, shiftKey: event.shiftKey });
  else runShortcut(app, key, event);
}

function isShortcut(key) {
  return key in SHORTCUTS || /^[0-5]$/.test(key) || key === "Escape";
}

function runShortcut(app, key, event) {
  if (/^[0-5]$/.test(key)) app.digit(key);
  else if (key === "Escape") app.escape();
  else SHORTCUTS[key]?.(app, event);
}

// Replays keys that were pressed before the pair was on the screen. Ratings and text go into its draft, but no vote is
// submitted or skipped on a pair that nobody has seen. Returns whether such a key was ignored.
function replayKeys(app, pressed) {
  let refused = false;
  for (const { key, shiftKey } of pressed) {
    const box = app.root.activeElement;
    const writing = box instanceof HTMLTextAreaElement;
    const name = key.length === 1 ? key.toLowerCase() : key;
    if (writing && key.length === 1) {
      box.setRangeText(key, box.value.length, box.value.length, "end");
      box.dispatchEvent(new Event("input"));
    } else if (writing && key === "Escape") box.blur();
    else if (SUBMITTING.has(name)) refused = true;
    else if (!writing && isShortcut(name)) runShortcut(app, name, { shiftKey });
  }
  return refused;
}
