/* The answer page with scripts: one department at a time on a phone, keys, a draft on this device, and sending that
   outlives a lost network. Without it the page is a plain form that does all the rest. */
"use strict";

const PHONE = matchMedia("(max-width: 47.99rem)");
const CALM = matchMedia("(prefers-reduced-motion: reduce)");
const PATIENCE_MS = 30000;
const DRAFT = "espejo-draft-";

let form; // the answers; null on a page that takes none
let place = 0; // which department a phone shows
let unplaced = []; // of a draft: what belongs to departments that the page does not show yet
let isByHand = false; // the last thing was done by a finger or a mouse, not by a key
let isSending = false;
let waiting = null; // sends once the network is back
let hasAsked = false; // for the receipts of an answer that had been stored before

const all = (selector, within = form) => [...within.querySelectorAll(selector)];
const named = (name) => all(`[name="${CSS.escape(name)}"]`);
const pages = () => all(".provider");
const isSeen = (element) => element.getClientRects().length > 0;
const isSkipped = (page) => Boolean(page.querySelector(".skip :checked"));
const isAnswered = (group) => Boolean(group.querySelector(":checked"));
const isCode = (name) => name.endsWith("-code"); // of a receipt: who sends again after a reload is shown the same one
const isKept = (field) => field.type !== "hidden" || isCode(field.name);

/* --- The draft: what was filled in, under a name that leads nobody back to the link, on this device only ---------- */

const nameOfDraft = () => DRAFT + document.body.dataset.draft;

function typed() {
  const isTyped = (name) => name === "added" || named(name).some(isKept);
  return [...[...new FormData(form)].filter(([name, text]) => text && isTyped(name)), ...unplaced];
}

/** The draft; null when there is none, or when storage is forbidden or holds what we did not write. */
function readDraft() {
  try {
    const kept = JSON.parse(localStorage.getItem(nameOfDraft()));
    return kept && Array.isArray(kept.entries) ? kept : null;
  } catch {
    return null;
  }
}

/** Keep what is filled in; false when storage is forbidden, or full. */
function writeDraft() {
  const kept = { until: Number(form.dataset.until), place, entries: typed() };
  try {
    localStorage.setItem(nameOfDraft(), JSON.stringify(kept));
    return true;
  } catch {
    return false;
  }
}

/** The codes of the receipts that the draft asks for, as fields of a form. */
function wishedCodes() {
  const kept = readDraft();
  const entries = kept ? kept.entries : [];
  const wished = new Set(entries.map(([name]) => name));
  return entries.filter(([name]) => isCode(name) && wished.has(name.replace(/code$/, "receipt")));
}

/** Forget the drafts whose names `isOver` picks. Where storage is forbidden nothing was kept. */
function forget(isOver) {
  try {
    for (const name of Object.keys(localStorage)) {
      if (name.startsWith(DRAFT) && isOver(name)) localStorage.removeItem(name);
    }
  } catch {
    return;
  }
}

/** Until when a draft may be sent, in seconds since 1970; 0 where it is not one that we wrote. */
function lastsUntil(name) {
  try {
    return JSON.parse(localStorage.getItem(name)).until;
  } catch {
    return 0;
  }
}

/** Whether a draft is another link's, whose wave is over by now; for our own, the page says so. */
const isOld = (name) => name !== nameOfDraft() && !(lastsUntil(name) > Date.now() / 1000);

function save() {
  document.querySelector(".kept").hidden = !writeDraft();
  const scales = all(".scale, .notice");
  const progress = form.querySelector("progress");
  progress.max = scales.length;
  progress.value = scales.filter((scale) => isAnswered(scale) || isSkipped(scale.closest(".provider"))).length;
}

/** Fill in what was kept. What the mail's link has filled in stays where the draft says nothing. */
function restore(kept) {
  for (const [name, text] of kept.entries) {
    const fields = named(name).filter(isKept);
    if (!fields.length && !named(name).some((field) => field.value === text)) unplaced.push([name, text]);
    for (const field of fields) {
      if (field.type === "radio" || field.type === "checkbox") field.checked = field.value === text;
      else field.value = text;
    }
  }
  const given = form.querySelector(".given");
  if (given && form.querySelector(".overall :checked").value !== given.dataset.score) given.remove();
}

/* --- One department at a time --------------------------------------------------------------------------------------- */

function go(to, takesFocus = true) {
  const shown = pages();
  const last = shown.length - 1;
  place = Math.min(Math.max(to, 0), last);
  shown.forEach((page, number) => page.classList.toggle("current", number === place));
  document.body.classList.toggle("later", place > 0);
  form.classList.toggle("last", place === last);
  form.querySelector(".back").hidden = place === 0;
  form.querySelector(".next").hidden = place === last;
  save();
  if (!takesFocus) return;
  readOut(shown[place].querySelector("h2"));
  bring(shown[place], "start");
}

/* The browser's own Back leads to the department before. Its history holds places, and nothing of what was answered:
   `before` is there when one step back in it is the department that was left. */

function step(to) {
  const before = place;
  go(to);
  if (!PHONE.matches || place === before) return;
  history.scrollRestoration = "manual"; // go() scrolls
  history.pushState({ place, before }, "");
}

function stepBack() {
  const { state } = history;
  if (state && state.before === place - 1) history.back();
  else jump(place - 1);
}

/** Go without a step in the history. */
function jump(to, takesFocus) {
  go(to, takesFocus);
  history.replaceState({ place }, "");
}

function travelled({ state }) {
  if (form && state) go(state.place, PHONE.matches);
  else if (!form && !document.querySelector(".receipts")) history.back(); // all is sent; a code must not get lost
}

const bring = (element, block) => element.scrollIntoView({ block, behavior: CALM.matches ? "auto" : "smooth" });

/** What comes after `element` of all that matches and is seen; a group of choices counts as one. */
function nextStop(element, selector) {
  const own = element.closest("fieldset") || element;
  const isAfter = (stop) => own.compareDocumentPosition(stop) & Node.DOCUMENT_POSITION_FOLLOWING;
  return all(selector).find((stop) => isSeen(stop) && isAfter(stop) && !own.contains(stop));
}

const QUESTIONS = ".scale, .missing, .notice, .next, #send"; // for whoever answers by digits
const STOPS = ".skip input, fieldset, textarea, .add select, .next, #send";

/** Put the focus on a heading, so that it is read out; it cannot be tabbed to. */
function readOut(heading) {
  heading.tabIndex = -1;
  heading.focus({ preventScroll: true });
}

function focusOn(stop) {
  if (stop.matches("h2")) readOut(stop);
  else (stop.matches("fieldset") ? stop.querySelector(":checked") || stop.querySelector("input") : stop).focus();
}

/** Where something is filled in already, a phone begins at what is still open. */
function showOpenQuestion() {
  const page = pages()[place];
  const scales = all(".scale", page);
  const first = scales.find((scale) => !isAnswered(scale));
  if (!PHONE.matches || !first || !scales.some(isAnswered)) return;
  if (first === scales[0]) page.scrollIntoView();
  else first.scrollIntoView({ block: "center" });
}

/* --- A comment needs a kind, and is told so before its department is left -------------------------------------------- */

/** The kinds to choose from, when there is a comment and none is chosen; else null. */
function openKinds(page) {
  const comment = page.querySelector("textarea");
  const kinds = page.querySelector(".kind");
  return comment && comment.value.trim() && !isSkipped(page) && !isAnswered(kinds) ? kinds : null;
}

function next() {
  const kinds = openKinds(pages()[place]);
  if (!kinds) {
    step(place + 1);
    return;
  }
  if (!kinds.querySelector(".fault")) {
    const fault = document.createElement("p");
    fault.className = "fault";
    fault.id = `${kinds.id}-fault`;
    fault.textContent = form.dataset.noKind;
    kinds.querySelector("legend").after(fault);
    kinds.setAttribute("aria-describedby", fault.id);
  }
  focusOn(kinds);
  bring(kinds, "center");
}

function forgive(kinds) {
  const fault = kinds.querySelector(".fault");
  if (fault) fault.remove();
  kinds.removeAttribute("aria-describedby");
}

/* --- What the reader does --------------------------------------------------------------------------------------------- */

function changed({ target }) {
  save();
  if (target.closest(".kind")) forgive(target.closest(".kind"));
  if (!PHONE.matches) return;
  if (target.closest(".skip") && target.checked && place < pages().length - 1) step(place + 1);
  const group = target.closest(".scale, .missing, .notice");
  if (!group || group.dataset.done) return;
  group.dataset.done = "y";
  if (isByHand) bring(nextStop(group, STOPS), "center"); // focus stays; whoever uses keys moves by keys
}

function pressed(event) {
  isByHand = false;
  const { target, key } = event;
  if (event.ctrlKey || event.altKey || event.metaKey || event.isComposing || !target.matches("input")) return;
  const scale = /^[0-5]$/.test(key) && target.closest(".scale");
  if (!scale && key !== "Enter") return;
  event.preventDefault(); // Enter goes on, and never sends
  if (scale) scale.querySelector(`[value="${key === "0" ? "na" : key}"]`).click();
  focusOn(nextStop(target, scale ? QUESTIONS : STOPS));
}

/** Open the page that a fault is on, and lead to the field. */
function follow(event) {
  const link = event.target.closest(".faults a");
  const target = link && document.getElementById(link.hash.slice(1));
  if (!target) return;
  event.preventDefault();
  openPageOf(target);
  focusOn(target);
  bring(target, "center");
}

function openPageOf(target) {
  const page = target.closest(".provider");
  if (page) jump(pages().indexOf(page), false);
}

/* --- Sending ------------------------------------------------------------------------------------------------------------ */

function say(what) {
  const told = form.querySelector(".told");
  told.textContent = told.dataset[what];
}

/** Post the answers as the form would when `button` is pressed, and show the page that comes back. */
async function send(button) {
  if (isSending) return; // pressed twice
  isSending = true;
  waiting = null;
  say("sending");
  const fields = new URLSearchParams([...new FormData(form), ...unplaced]);
  if (button && button.name) fields.append(button.name, button.value);
  const patience = new AbortController();
  const timer = setTimeout(() => patience.abort(), PATIENCE_MS);
  try {
    let answer = await post(fields, patience.signal);
    const key = answer.page.querySelector("[name=csrf_token]");
    if (answer.status === 400 && key) {
      fields.set("csrf_token", key.value); // the page had been open for too long; a fresh key came back
      answer = await post(fields, patience.signal);
    }
    if (answer.status >= 500 || !answer.page.body.dataset.draft) throw new Error(`answered with ${answer.status}`);
    show(answer.page, button);
  } catch {
    if (!navigator.onLine) waiting = () => send(button);
    say(waiting ? "offline" : "failed");
  } finally {
    clearTimeout(timer);
    isSending = false;
  }
}

async function post(fields, signal) {
  const answer = await fetch(location.pathname, { method: "POST", body: fields, signal });
  return { status: answer.status, page: new DOMParser().parseFromString(await answer.text(), "text/html") };
}

/** Where nothing is left to send: have the receipts shown whose page got lost on its way; then the draft can go. */
async function end() {
  const codes = wishedCodes();
  if (hasAsked || !codes.length || document.querySelector(".receipts")) {
    forget((name) => name === nameOfDraft());
    return;
  }
  hasAsked = true;
  try {
    const { page } = await post(new URLSearchParams([...codes, ["language", document.documentElement.lang]]));
    if (page.body.dataset.draft) show(page);
  } catch {
    hasAsked = false; // the draft stays, for when there is a network again or the page is opened anew
    waiting = end;
  }
}

function show(page, button) {
  const { lang } = page.documentElement;
  if (lang !== document.documentElement.lang) history.replaceState(history.state, "", `?lang=${lang}`); // for a reload
  document.documentElement.lang = lang;
  document.title = page.title;
  document.body.replaceWith(page.body);
  scrollTo(0, 0);
  begin();
  if (button === RESTORING) showOpenQuestion();
  else readFrom(button ? button.name : "");
}

/** Move the focus to what is new on a page that has come back after this button. */
function readFrom(button) {
  const faults = document.querySelector(".faults");
  if (faults) {
    const target = document.getElementById(faults.querySelector("a").hash.slice(1));
    if (target) openPageOf(target);
    faults.focus();
  } else if (form && button === "adding") step(all(".provider:not(.notices)").length - 1);
  else if (form && (button === "remove" || (PHONE.matches && place > 0))) jump(place);
  else readOut(document.querySelector("h1"));
}

/* --- Beginning ---------------------------------------------------------------------------------------------------------- */

const RESTORING = { name: "adding", value: "y" }; // shows the departments that a draft has added

function begin() {
  form = document.getElementById("answers");
  unplaced = [];
  if (!form) {
    end();
    return;
  }
  for (const part of all("[data-scripted]")) part.hidden = false;
  form.classList.add("scripted");
  form.addEventListener("input", save);
  form.addEventListener("change", changed);
  form.addEventListener("keydown", pressed);
  form.addEventListener("pointerdown", () => (isByHand = true));
  form.addEventListener("submit", (event) => {
    if (!("submitter" in event)) return; // an older browser does not say which button; it sends by itself
    event.preventDefault();
    send(event.submitter);
  });
  form.querySelector(".back").addEventListener("click", stepBack);
  form.querySelector(".next").addEventListener("click", next);
  document.body.addEventListener("click", follow);
  const kept = "typed" in form.dataset ? null : readDraft(); // what was just sent is newer than any draft
  if (kept) {
    place = kept.place;
    restore(kept);
  }
  for (const group of all(".scale, .missing, .notice").filter(isAnswered)) group.dataset.done = "y";
  const wanted = place;
  go(wanted, false);
  if (!unplaced.length) {
    if (!history.state || history.state.place !== place) history.replaceState({ place }, "");
    return;
  }
  place = wanted; // it may be one of those that are not on the page yet
  send(RESTORING);
}

addEventListener("popstate", travelled);
addEventListener("online", () => waiting && waiting());
forget(isOld);
begin();
if (form && !unplaced.length) showOpenQuestion();
