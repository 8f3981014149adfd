// Elements, dialogs and notes. Data only ever goes in as text.

const SVG = "http://www.w3.org/2000/svg";
let sprite = "";

export function useIcons(url) {
  sprite = url;
}

// Attributes that are functions are listened with; `text` goes in as it is.
export function make(name, attributes = {}, ...children) {
  return fill(document.createElement(name), attributes, children);
}

export function drawn(name, attributes = {}, ...children) {
  return fill(document.createElementNS(SVG, name), attributes, children);
}

function fill(element, attributes, children) {
  for (const [key, value] of Object.entries(attributes)) {
    if (value === null || value === undefined || value === false) continue;
    if (typeof value === "function") element.addEventListener(key, value);
    else if (key === "text") element.textContent = value;
    else element.setAttribute(key, value === true ? "" : value);
  }
  element.append(...children.flat().filter((child) => child !== null && child !== undefined && child !== false));
  return element;
}

export function icon(name) {
  return drawn("svg", { class: "icon", "aria-hidden": "true" }, drawn("use", { href: `${sprite}#${name}` }));
}

export function button(label, symbol, act, { class: tone = "", isQuiet = false, ...more } = {}) {
  return make(
    "button",
    { type: "button", class: isQuiet ? `icon-button ${tone}` : `button ${tone}`, title: isQuiet ? label : null, click: act, ...more },
    symbol ? icon(symbol) : null,
    isQuiet ? make("span", { class: "visually-hidden", text: label }) : label,
  );
}

let lastId = 0;

export function newDomId(stem) {
  lastId += 1;
  return `${stem}-${lastId}`;
}

// Opens a dialog and resolves to what `close(value)` was called with, or null.
// `build(close)` returns the content; a form in it may be submitted by Enter.
export function ask(title, build, { class: tone = "" } = {}) {
  const id = newDomId("ask");
  const before = document.activeElement;
  let answer = null;
  const dialog = make("dialog", { class: `ask ${tone}`, "aria-labelledby": id });
  const close = (value) => {
    answer = value;
    dialog.close();
  };
  dialog.append(make("h2", { id, text: title }), ...[build(close)].flat());
  dialog.addEventListener("click", (event) => {
    if (event.target === dialog) dialog.close();
  });
  document.body.append(dialog);
  dialog.showModal();
  return new Promise((resolve) => {
    dialog.addEventListener("close", () => {
      dialog.remove();
      if (before?.isConnected) before.focus({ preventScroll: true });
      resolve(answer);
    });
  });
}

// Asks for one of some actions: [{value, label, hint, tone}].
export function choose(title, words, actions) {
  return ask(title, (close) => [
    make("div", { class: "ask-body" }, ...[words].flat().map((text) => (typeof text === "string" ? make("p", { text }) : text))),
    make(
      "div",
      { class: "ask-actions" },
      ...actions.map(({ value, label, tone }) => button(label, null, () => close(value), { class: tone ?? "" })),
      button("Cancel", null, () => close(null), { class: "button-quiet" }),
    ),
  ]);
}

// Says something that goes away by itself; screen readers hear it at once.
export function say(text, { tone = "", action = null } = {}) {
  const notes = document.querySelector("[data-notes]");
  const note = make("div", { class: `toast ${tone ? `toast-${tone}` : ""}` }, make("span", { text }));
  if (action) {
    note.append(
      make("button", {
        type: "button", class: "link", text: action.label,
        click: () => {
          note.remove();
          action.run();
        },
      }),
    );
  }
  notes.replaceChildren(note);
  setTimeout(() => note.remove(), 6000);
}
