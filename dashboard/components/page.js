// Draws markup that the server's templates made, and follows its links without loading the page again.

function follow(event, go) {
  if (event.button || event.ctrlKey || event.metaKey || event.shiftKey) return;
  const link = event.target.closest("a") ?? event.target.closest("tr[data-open]")?.querySelector("a[data-page]");
  if (!link || window.getSelection()?.toString()) return;
  if ("copy" in link.dataset) navigator.clipboard?.writeText(link.href);
  if (!("page" in link.dataset)) return;
  event.preventDefault();
  go(link.getAttribute("href"));
}

export default function ({ data, parentElement, setTriggerValue }) {
  let place = parentElement.querySelector(".markup");
  if (!place) {
    place = parentElement.appendChild(document.createElement("div"));
    place.className = "markup";
  }
  if (place.drawn !== data.html) place.innerHTML = place.drawn = data.html; // equal markup is left alone: no flicker
  place.onclick = (event) => follow(event, (address) => setTriggerValue("go", address));
  if (data.looked) document.cookie = `${data.looked}=${Date.now()}; path=/; max-age=31536000; SameSite=Lax`;
}
