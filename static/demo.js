// The mailbox shows each message as tall as it is; without this script its frame scrolls.
"use strict";

const frame = document.querySelector("iframe");

function fit() {
  const message = frame.contentDocument;
  if (message.URL === "about:blank" || message.readyState !== "complete") return;
  frame.classList.add("fitted");
  frame.style.height = `${message.documentElement.offsetHeight + frame.offsetHeight - frame.clientHeight}px`;
}

frame.addEventListener("load", fit);
addEventListener("resize", fit);
fit();
