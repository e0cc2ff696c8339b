// The keys: each one does one thing to the desk; while somebody writes, keys are text.

const STEPS = {
  ArrowDown: (desk) => desk.go(1),
  ArrowUp: (desk) => desk.go(-1),
  ArrowLeft: (desk) => desk.across("left"),
  ArrowRight: (desk) => desk.across("right"),
  Enter: (desk) => desk.submit(),
  " ": (desk, event) => desk.scroll(event.shiftKey ? -1 : 1),
  u: (desk) => desk.undo(),
  s: (desk) => desk.skip(),
  n: (desk) => desk.writeNote(),
  e: (desk, event) => desk.editFocused(event.shiftKey),
  f: (desk) => desk.toggleFlag(),
  d: (desk) => desk.toggleDiff(),
  p: (desk) => desk.fold("p"),
  v: (desk) => desk.fold("v"),
  "?": (desk) => desk.toggleSheet(),
};
const MAY_REPEAT = new Set(["ArrowDown", "ArrowUp", "ArrowLeft", "ArrowRight", " "]);
const ACTS = new Set(["Enter", "s"]); // never done to a pair that was not on the screen when they were pressed

function listen(desk) {
  const heard = (event) => hear(desk, event);
  document.addEventListener("keydown", heard, true);
  return () => document.removeEventListener("keydown", heard, true);
}

function hear(desk, event) {
  const target = event.composedPath()[0];
  const inside = event.composedPath().includes(desk.root);
  if (event.isComposing || event.altKey || event.metaKey || !desk.visible) return;
  const writing = target instanceof HTMLElement && (target.isContentEditable || /^(INPUT|TEXTAREA|SELECT)$/.test(target.tagName));
  if (writing && !inside) return;
  if (event.ctrlKey && event.key !== "Enter") return;
  if (writing && !desk.leaving) {
    whileWriting(desk, event, target);
    return;
  }
  const pressable = target instanceof HTMLElement && /^(BUTTON|A|SUMMARY)$/.test(target.tagName);
  if (pressable && (event.key === "Enter" || event.key === " ")) return;
  press(desk, event);
}

function whileWriting(desk, event, box) {
  if (event.key === "Escape") box.blur();
  else if (event.key === "Enter" && event.ctrlKey) desk.submit();
  else return;
  event.preventDefault();
  event.stopPropagation();
}

function press(desk, event) {
  const key = event.key.length === 1 ? event.key.toLowerCase() : event.key;
  if (!known(key) && !(desk.leaving && desk.aheadIsText)) return;
  event.preventDefault();
  event.stopPropagation();
  if (event.repeat && !MAY_REPEAT.has(key)) return;
  if (desk.sheetOpen && key !== "?" && key !== "Escape") return;
  if (desk.leaving && (desk.aheadIsText || key !== "u")) desk.pressAhead({ key: event.key, shiftKey: event.shiftKey });
  else act(desk, key, event);
}

function known(key) {
  return key in STEPS || /^[0-5]$/.test(key) || key === "Escape";
}

function act(desk, key, event) {
  if (/^[0-5]$/.test(key)) desk.digit(key);
  else if (key === "Escape") desk.escape();
  else STEPS[key]?.(desk, event);
}

// Keys that were pressed before the pair was on the screen: marks and text are for this pair, and wait in its draft for
// whoever reads it; a vote is not cast on what nobody has seen.
function replay(desk, pressed) {
  let refused = false;
  for (const { key, shiftKey } of pressed) {
    const box = desk.root.activeElement;
    const writing = box instanceof HTMLTextAreaElement;
    const name = key.length === 1 ? key.toLowerCase() : key;
    if (writing && key.length === 1) {
      box.setRangeText(key, box.value.length, box.value.length, "end");
      box.dispatchEvent(new Event("input"));
    } else if (writing && key === "Escape") box.blur();
    else if (ACTS.has(name)) refused = true;
    else if (!writing && known(name)) act(desk, name, { shiftKey });
  }
  return refused;
}
