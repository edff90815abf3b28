// While mail leaves, the page about it brings its figures up to date; without this script a link does.
"use strict";

const EVERY_MS = 5000;

async function bringUpToDate() {
  const shown = document.querySelector("#progress[data-moves]");
  if (!shown) return;
  if (!document.hidden) {
    try {
      const answer = await fetch(location.href);
      const page = new DOMParser().parseFromString(await answer.text(), "text/html");
      const fresh = page.querySelector("#progress");
      if (answer.ok && !fresh) return; // signed out meanwhile
      if (fresh) shown.replaceWith(fresh);
    } catch {
      // the line was down, as the server may have been; the next turn tries again
    }
  }
  setTimeout(bringUpToDate, EVERY_MS);
}

setTimeout(bringUpToDate, EVERY_MS);
