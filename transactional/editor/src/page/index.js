// The page of the editor: its parts, put together.

import { make, useIcons, keys } from "../dom.js";
import { ask, formOf, say, Trouble, useToken } from "./asking.js";
import { Drafts } from "./drafts.js";
import { Findings } from "./findings.js";
import { Preview } from "./previewing.js";
import { Saving } from "./saving.js";
import { toBlocks, toHtml } from "./switching.js";
import { TestDialog } from "./testing.js";
import { offer, Variables } from "./variables.js";

const root = document.querySelector("[data-editor]");
const config = JSON.parse(document.getElementById("editor-config").textContent);
const form = root.querySelector("form");
const hosts = { PLUNK: root.querySelector("[data-blocks]"), HTML: root.querySelector("[data-code]") };
const variables = new Variables(config.urls.variables);
const token = form.elements.csrfmiddlewaretoken.value;
const NAMES = ["name", "description", "subject", "preheader", "kind", "from_name", "reply_to", "tracks"];
// What a preview and the linter need to know.
const SHOWN = ["subject", "preheader", "body", "style", "kind", "from_name"];

useIcons(config.icons);
useToken(token);
root.style.setProperty("--project-color", config.color);
root.style.setProperty("--project-ink", config.ink);

let style = config.style;
let editor = null;

// -- the fields -----------------------------------------------------------------------------
function fields() {
  const values = Object.fromEntries(NAMES.map((name) => [name, form.elements[name].value]));
  return { ...values, from_email: form.elements.from_email.value, style, body: editor.body };
}

function shownFields() {
  const values = fields();
  return Object.fromEntries(SHOWN.map((name) => [name, values[name]]));
}

function fill(values) {
  for (const name of [...NAMES, "from_email"]) if (name in values) form.elements[name].value = values[name];
}

// -- the editor -----------------------------------------------------------------------------
const scripts = {};

function load(url) {
  scripts[url] ??= new Promise((resolve, reject) => {
    const script = make("script", { src: url, nonce: config.nonce });
    script.addEventListener("load", resolve);
    script.addEventListener("error", () => {
      delete scripts[url];
      reject(new Trouble("The editor cannot be loaded. Reload the page."));
    });
    document.head.append(script);
  });
  return scripts[url];
}

async function open(body) {
  const host = make("div", { class: "editor-host" });
  const options = { host, body, variables, changed, say: sayBad };
  await Promise.all([load(style === "HTML" ? config.urls.code : config.urls.blocks), variables.load()]);
  const previous = editor;
  hosts[style].replaceChildren(host);
  if (style === "HTML") editor = new window.PlunkCode.CodeEditor({ ...options, nonce: config.nonce });
  else editor = new window.PlunkBlocks.BlockEditor({ ...options, upload, showKeys, icons: config.icons });
  previous?.destroy();
  for (const [name, element] of Object.entries(hosts)) {
    element.hidden = name !== style;
    if (name !== style) element.replaceChildren();
  }
  root.dataset.style = style;
  for (const choice of form.querySelectorAll("input[name=style]")) choice.checked = choice.value === style;
}

async function upload(file) {
  const { status, body } = await ask(config.urls.images, { data: formOf({ file }) });
  if (status === 201) return body;
  const [error] = body.errors ?? [];
  // The page where it can be mended, such as that of the pictures when there are too many.
  throw Object.assign(new Trouble(error?.message ?? body.message ?? "The picture could not be uploaded."), { url: error?.url });
}

function sayBad(text, url = null) {
  say(text, { tone: "bad", action: url && { label: "Open pictures", run: () => window.open(url, "_blank", "noopener") } });
}

async function switchTo(wanted) {
  if (wanted === style) return;
  const before = { style, body: editor.body };
  try {
    const body = wanted === "HTML" ? await toHtml({ url: config.urls.dressed, fields: shownFields(), body: before.body }) : await toBlocks(before.body);
    if (body !== null) {
      style = wanted;
      await open(body);
      changed();
      editor.focus();
      const back = async () => {
        style = before.style;
        await open(before.body);
        changed();
      };
      say(wanted === "HTML" ? "You write the HTML now." : "It has the project’s design now.", { action: { label: "Undo", run: back } });
    }
  } catch (error) {
    say(error.message, { tone: "bad" });
  }
  for (const choice of form.querySelectorAll("input[name=style]")) choice.checked = choice.value === style;
}

// -- what is wrong, where it is ---------------------------------------------------------------
function wrong(errors) {
  for (const note of form.querySelectorAll("[data-error]")) note.textContent = "";
  for (const control of form.querySelectorAll("[aria-invalid]")) if (control.name) control.removeAttribute("aria-invalid");
  const others = [];
  for (const { field, message, line, column } of errors) {
    const note = form.querySelector(`[data-error="${CSS.escape(field)}"]`);
    const where = line ? ` (line ${line}${column ? `, column ${column}` : ""})` : "";
    if (!note) others.push(message);
    else note.textContent = `${note.textContent} ${message}${where}`.trim();
    form.elements[field]?.setAttribute?.("aria-invalid", "true");
  }
  if (others.length) say(others.join(" "), { tone: "bad" });
  const first = errors.find(({ field }) => field);
  if (first) goTo({ part: first.field, line: first.line, column: first.column });
}

function goTo({ part, line, column }) {
  if (part === "body") {
    show("write");
    if (style === "HTML") editor.reveal(line || 1, column || 1);
    else if (line) editor.reveal(offsetOf(editor.body, line, column));
    else editor.focus();
    return;
  }
  const control = form.elements[part];
  if (!control?.focus) return;
  show(control.closest("[data-pane]")?.dataset.pane ?? "write");
  control.focus();
}

function offsetOf(text, line, column) {
  const lines = text.split("\n").slice(0, line - 1);
  return lines.reduce((sum, one) => sum + one.length + 1, 0) + Math.max(0, (column || 1) - 1);
}

// -- the parts of the page --------------------------------------------------------------------
let saving = null;
let preview = null;
let findings = null;

function changed() {
  saving?.changed();
  preview?.schedule();
  findings?.schedule();
}

function show(view) {
  root.dataset.view = view;
  if (view !== "write") root.dataset.aside = view;
  for (const tab of root.querySelectorAll("[data-tab]")) {
    const open = tab.closest(".aside-tabs") ? root.dataset.aside : view;
    tab.setAttribute("aria-pressed", String(tab.dataset.tab === open));
  }
  if (view === "preview" && preview?.isStale) preview.refresh();
}

function count() {
  const used = form.elements.preheader.value.length;
  root.querySelector("[data-preheader-count]").textContent = `${used} / 200`;
}

const SHORTCUTS = [
  ["/", "Insert a block"],
  ["{{", "Insert a variable"],
  ["Mod+S", "Save"],
  ["Mod+B, Mod+I, Mod+U", "Bold, italic, underline"],
  ["Mod+K", "Link"],
  ["Mod+Z, Mod+Shift+Z", "Undo, redo"],
  ["Esc", "Select the block with the cursor"],
  ["Enter", "Settings of the selected block"],
  ["Alt+Enter", "Settings of a button"],
  ["Alt+↑, Alt+↓", "Move the block"],
  ["Mod+D", "Duplicate the block"],
  ["Alt+F10", "To the toolbar"],
  ["# ## ### - 1. > ---", "At the beginning of a line: headings, lists, quote, divider"],
];

function showKeys() {
  const dialog = root.querySelector("[data-keys]");
  const rows = SHORTCUTS.flatMap(([shortcut, words]) => [make("dt", {}, make("kbd", { text: keys(shortcut) })), make("dd", { text: words })]);
  dialog.querySelector("dl").replaceChildren(...rows);
  dialog.showModal();
}

function listen() {
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    saving.save();
  });
  form.addEventListener("input", (event) => {
    if (!event.target.name || event.target.name === "style") return;
    count();
    changed();
  });
  form.addEventListener("change", (event) => {
    if (event.target.name === "style") switchTo(event.target.value);
    else if (event.target.name) changed();
    if (event.target.name === "from_email") takeSender();
  });
  addEventListener("keydown", (event) => {
    if (!(event.ctrlKey || event.metaKey) || event.altKey || event.key.toLowerCase() !== "s" || event.shiftKey) return;
    event.preventDefault();
    saving.save();
  });
  for (const tab of root.querySelectorAll("[data-tab]")) tab.addEventListener("click", () => show(tab.dataset.tab));
  root.querySelector("[data-toggle-aside]").addEventListener("click", ({ currentTarget }) => {
    const isOpen = root.classList.toggle("is-wide");
    currentTarget.setAttribute("aria-pressed", String(!isOpen));
    preview.fit();
  });
  offer(form.elements.subject, root.querySelector("[data-pick=subject]"), variables);
  offer(form.elements.preheader, root.querySelector("[data-pick=preheader]"), variables);
}

// A sender brings its name, unless another one was given.
function takeSender() {
  const { options, selectedIndex } = form.elements.from_email;
  const names = [...options].map((option) => option.dataset.name);
  const { value } = form.elements.from_name;
  if (!value || names.includes(value)) form.elements.from_name.value = options[selectedIndex].dataset.name ?? "";
  changed();
}

function offerDraft(drafts) {
  const found = drafts.find();
  if (!found || JSON.stringify(found.values) === saving.snapshot()) return drafts.forget();
  const banner = root.querySelector("[data-draft]");
  const at = new Intl.DateTimeFormat("en", { dateStyle: "medium", timeStyle: "short" }).format(found.at);
  const isOld = found.version !== config.version;
  banner.querySelector("[data-draft-words]").textContent = `Changes from ${at} were not saved; this browser has kept them.${isOld ? ` They began with version ${found.version}.` : ""}`;
  banner.querySelector("[data-draft-restore]").addEventListener("click", async () => {
    banner.hidden = true;
    fill(found.values);
    style = found.values.style;
    await open(config.style === style ? config.body : "");
    editor.load(found.values.body, { isEdit: true });
    count();
    changed();
  });
  banner.querySelector("[data-draft-discard]").addEventListener("click", () => {
    banner.hidden = true;
    drafts.forget();
  });
  banner.hidden = false;
  return null;
}

async function start() {
  await open(config.body);
  const drafts = new Drafts({ key: config.id, user: config.user, kept: (is) => root.querySelector("[data-state]").toggleAttribute("data-kept", is) });
  saving = new Saving({ config, state: root.querySelector("[data-state]"), fields, body: () => editor.body, wrong, drafts });
  preview = new Preview({ pane: root.querySelector("[data-preview]"), url: config.urls.preview, contactsUrl: config.urls.contacts, token, fields: shownFields });
  findings = new Findings({
    element: root.querySelector("[data-findings]"),
    url: config.urls.lint,
    fields: shownFields,
    shown: (found) => style === "HTML" && editor.mark(found),
    go: goTo,
  });
  const test = new TestDialog({
    dialog: root.querySelector("[data-test]"),
    url: config.urls.test,
    fields: () => ({ ...shownFields(), from_email: form.elements.from_email.value, reply_to: form.elements.reply_to.value, template: config.template }),
    inboxUrl: config.urls.inbox,
    emailUrl: config.urls.email,
  });
  root.querySelector("[data-open-test]").addEventListener("click", () => test.open());
  for (const close of root.querySelectorAll("[data-close]")) close.addEventListener("click", () => close.closest("dialog").close());
  count();
  listen();
  show("preview");
  show("write");
  offerDraft(drafts);
  findings.refresh();
  root.dataset.ready = "yes";
  // For the tests, which look at what would be saved.
  root.plunkEditor = { fields, get editor() { return editor; } };
}

start().catch((error) => say(error.message, { tone: "bad" }));
