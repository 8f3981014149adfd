// Talking to the server, and to the person.

import { make } from "../dom.js";

export class Trouble extends Error {}

let token = "";

export function useToken(value) {
  token = value;
}

// Returns {status, body}; raises Trouble in words for what is not an answer in JSON.
export async function ask(url, { data = null, signal = null } = {}) {
  let answer;
  try {
    answer = await fetch(url, { method: data ? "POST" : "GET", body: data, signal, headers: { Accept: "application/json", "X-CSRFToken": token } });
  } catch (error) {
    if (error.name === "AbortError") throw error;
    throw new Trouble("The server cannot be reached. What you write stays here; try again.");
  }
  if (answer.redirected) throw new Trouble("You are logged out. Log in in another tab, then try again here.");
  if (answer.status === 413 || (answer.status === 400 && data)) throw new Trouble("This is larger than the server takes.");
  if (!answer.headers.get("Content-Type")?.includes("json")) {
    throw new Trouble(answer.status === 404 ? "This template has been deleted." : answer.status === 403 ? "Your session has ended. Log in in another tab, then try again here." : `The server answered ${answer.status}. Nothing was changed; try again.`);
  }
  return { status: answer.status, body: await answer.json() };
}

export function formOf(values) {
  const data = new FormData();
  for (const [name, value] of Object.entries(values)) {
    for (const one of [value].flat()) data.append(name, one);
  }
  return data;
}

// Opens a dialog and resolves to the value of the button that was pressed, or "".
export function choose({ title, content, actions }) {
  const heading = make("h2", { text: title, id: "asked-title" });
  const buttons = actions.map(({ value, label, tone }) => make("button", { type: "submit", value, class: `button ${tone ?? ""}`, text: label }));
  const dialog = make(
    "dialog",
    { class: "ask", "aria-labelledby": "asked-title" },
    make("form", { method: "dialog" }, heading, make("div", { class: "ask-body" }, ...content), make("div", { class: "ask-actions" }, ...buttons)),
  );
  document.body.append(dialog);
  dialog.showModal();
  return new Promise((resolve) => {
    dialog.addEventListener("close", () => {
      dialog.remove();
      resolve(dialog.returnValue);
    });
  });
}

const notes = () => document.querySelector("[data-notes]");

// Says something that goes away by itself; `action` is {label, run}.
export function say(text, { tone = "neutral", action = null } = {}) {
  const note = make("div", { class: `toast toast-${tone}` }, make("span", { text }));
  const leave = () => note.remove();
  if (action) {
    note.append(make("button", { type: "button", class: "link", text: action.label, click: () => {
      leave();
      action.run();
    } }));
  }
  note.append(make("button", { type: "button", class: "toast-close", "aria-label": "Close", text: "×", click: leave }));
  notes().append(note);
  setTimeout(leave, action ? 12_000 : 7_000);
}
