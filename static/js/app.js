"use strict";

// -- theme: system, light, dark -------------------------------------------------------
const THEMES = ["system", "light", "dark"];

function currentTheme() {
  return document.documentElement.dataset.theme || "system";
}

function showTheme() {
  for (const name of document.querySelectorAll("[data-theme-name]")) {
    name.textContent = currentTheme();
  }
}

function nextTheme() {
  const theme = THEMES[(THEMES.indexOf(currentTheme()) + 1) % THEMES.length];
  if (theme === "system") delete document.documentElement.dataset.theme;
  else document.documentElement.dataset.theme = theme;
  try {
    localStorage.setItem("theme", theme);
  } catch {
    // Not remembered, but shown.
  }
  showTheme();
}

// -- navigation on small screens, menus -----------------------------------------------
function openNavigation(isOpen) {
  document.body.classList.toggle("nav-open", isOpen);
  for (const button of document.querySelectorAll("[data-nav-toggle]")) {
    button.setAttribute("aria-expanded", String(isOpen));
  }
}

function closeMenus(except) {
  for (const menu of document.querySelectorAll("details[data-menu][open]")) {
    if (menu !== except) menu.open = false;
  }
}

// -- copying --------------------------------------------------------------------------
async function copy(button) {
  const source = document.getElementById(button.dataset.copy);
  const label = button.querySelector("[data-copy-label]") || button;
  const before = label.textContent;
  try {
    await navigator.clipboard.writeText(source.textContent.trim());
    label.textContent = "Copied";
  } catch {
    // No clipboard without HTTPS: select it, so that one keystroke copies it.
    const range = document.createRange();
    range.selectNodeContents(source);
    const selection = getSelection();
    selection.removeAllRanges();
    selection.addRange(range);
    label.textContent = "Press Ctrl+C";
  }
  setTimeout(() => (label.textContent = before), 1800);
}

document.addEventListener("click", (event) => {
  const target = event.target instanceof Element ? event.target : null;
  closeMenus(target?.closest("details[data-menu]"));
  const button = target?.closest("[data-theme-toggle],[data-nav-toggle],[data-nav-close],[data-copy]");
  if (!button) return;
  if ("themeToggle" in button.dataset) nextTheme();
  else if ("navToggle" in button.dataset) openNavigation(!document.body.classList.contains("nav-open"));
  else if ("navClose" in button.dataset) openNavigation(false);
  else copy(button);
});

document.addEventListener("keydown", (event) => {
  if (event.key !== "Escape") return;
  const open = document.querySelector("details[data-menu][open]");
  if (open) {
    open.open = false;
    open.querySelector("summary").focus();
  } else if (document.body.classList.contains("nav-open")) {
    openNavigation(false);
    document.querySelector("[data-nav-toggle]").focus();
  }
});

// -- times in words -------------------------------------------------------------------
const STEPS = [[60, "second", 1], [3600, "minute", 60], [86400, "hour", 3600], [604800, "day", 86400]];
const inWords = new Intl.RelativeTimeFormat("en", { numeric: "auto", style: "short" });
const asDate = new Intl.DateTimeFormat("en-GB", { day: "numeric", month: "short", year: "numeric" });

function relative(at) {
  const seconds = Math.round((at - Date.now()) / 1000);
  const distance = Math.abs(seconds);
  if (distance < 5) return "just now";
  for (const [limit, unit, size] of STEPS) {
    if (distance < limit) return inWords.format(Math.trunc(seconds / size), unit);
  }
  return asDate.format(at);
}

function showTimes(root) {
  for (const time of root.querySelectorAll("time[data-relative]")) {
    const words = relative(new Date(time.dateTime));
    if (time.textContent !== words) time.textContent = words;
  }
}

// -- polling: only while somebody looks, slower while the server does not answer ------
const POLL_LIMIT = 60_000;
// By element id: an answer may replace the element that asked.
const polls = new Map();

function poll() {
  if (document.visibilityState !== "visible" || !window.htmx) return;
  for (const element of document.querySelectorAll("[data-poll]")) {
    const pause = 1000 * Number(element.dataset.poll);
    const state = polls.get(element.id) || { pause, due: Date.now() + pause };
    polls.set(element.id, state);
    if (Date.now() < state.due) continue;
    state.due = Date.now() + state.pause;
    htmx.trigger(element, "poll");
  }
}

function slowDown(event) {
  const state = polls.get(event.detail.elt?.id);
  if (!state) return;
  state.pause = Math.min(2 * state.pause, POLL_LIMIT);
  state.due = Date.now() + state.pause;
}

function catchUp(event) {
  const state = polls.get(event.detail.elt?.id);
  if (state) state.pause = 1000 * Number(event.detail.elt.dataset.poll);
}

// -- the feed: rows that are there already are renewed in place, new ones go on top ---
const FEED_LIMIT = 300;

function mergeFeed(event) {
  const feed = event.detail.target;
  if (!feed?.matches?.("[data-feed]") || event.detail.requestConfig?.elt?.dataset.poll === undefined) return;
  if (event.detail.xhr.status !== 200) return;
  const arrived = document.createElement("template");
  arrived.innerHTML = event.detail.serverResponse;
  for (const row of [...arrived.content.querySelectorAll("[data-feed-row]")]) {
    const present = document.getElementById(row.id);
    if (!present) {
      row.classList.add("is-new");
      continue;
    }
    if (present.dataset.feedRow !== row.dataset.feedRow) {
      present.replaceWith(row);
      showTimes(row);
    } else {
      row.remove();
    }
  }
  if (arrived.content.querySelector("[data-feed-row]")) feed.querySelector("[data-feed-empty]")?.remove();
  event.detail.serverResponse = arrived.innerHTML;
}

// -- a list that came back as it was stays untouched, with what is selected in it -----
const seen = new WeakMap();

function keepSame(event) {
  const list = event.detail.target;
  if (!list?.matches?.("[data-same]")) return;
  if (seen.get(list) === event.detail.serverResponse) event.detail.shouldSwap = false;
  seen.set(list, event.detail.serverResponse);
}

document.addEventListener("change", (event) => {
  if (event.target.matches?.("[data-submit]")) event.target.form.requestSubmit();
});
document.addEventListener("htmx:beforeSwap", mergeFeed);
document.addEventListener("htmx:beforeSwap", keepSame);
document.addEventListener("htmx:sendError", slowDown);
document.addEventListener("htmx:responseError", slowDown);
document.addEventListener("htmx:beforeOnLoad", (event) => {
  if (event.detail.xhr.status < 400) catchUp(event);
});
document.addEventListener("htmx:afterSwap", (event) => {
  const feed = event.detail.target;
  if (feed?.matches?.("[data-feed]") && event.detail.requestConfig?.elt?.dataset.poll !== undefined) {
    for (const row of [...feed.querySelectorAll("[data-feed-row]")].slice(FEED_LIMIT)) row.remove();
  }
});
document.addEventListener("htmx:load", (event) => showTimes(event.detail.elt.parentNode || document));
document.addEventListener("visibilitychange", poll);

showTheme();
showTimes(document);
setInterval(poll, 250);
setInterval(() => showTimes(document), 5000);
