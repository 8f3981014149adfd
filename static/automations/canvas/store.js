// What the canvas knows: the document with its past, what is selected, what the server said.

import { begin, record, redo, undo } from "./history.js";
import { Refused, stepOf } from "./model.js";
import { say } from "./dom.js";

export class Store {
  #history;
  #listeners = new Map();

  constructor(config) {
    this.#history = begin(config.document);
    Object.assign(this, { choices: config.choices, problems: config.problems, counts: config.counts, state: config.state, settings: config.settings });
    this.selected = null;
  }

  get document() {
    return this.#history.present;
  }

  get canUndo() {
    return this.#history.past.length > 0;
  }

  get canRedo() {
    return this.#history.future.length > 0;
  }

  // Topics: document, settings, selected, problems, counts, state.
  on(topic, act) {
    this.#listeners.set(topic, [...(this.#listeners.get(topic) ?? []), act]);
  }

  tell(topic, detail = {}) {
    for (const act of this.#listeners.get(topic) ?? []) act(detail);
  }

  // Applies a pure change; what makes no sense is said and leaves all as it was.
  change(operation, { key = null, from = "" } = {}) {
    try {
      this.#move(record(this.#history, operation(this.document), key), from);
      return true;
    } catch (error) {
      if (!(error instanceof Refused)) throw error;
      say(error.message, { tone: "bad" });
      return false;
    }
  }

  // What comes next is taken back by itself, even if it is about the same field.
  pause() {
    this.#history = { ...this.#history, key: null };
  }

  undo() {
    this.#move(undo(this.#history), "history");
  }

  redo() {
    this.#move(redo(this.#history), "history");
  }

  // Begins anew with what somebody else saved.
  replace(document) {
    this.#move(begin(document), "server");
  }

  #move(history, from) {
    if (history === this.#history) return;
    this.#history = history;
    if (this.selected && !stepOf(history.present, this.selected)) this.select(null);
    this.tell("document", { from });
  }

  select(id, { opens = true } = {}) {
    this.selected = id;
    this.tell("selected", { opens });
  }

  set(topic, value) {
    this[topic] = value;
    this.tell(topic);
  }

  problemsOf(id) {
    return this.problems.filter((problem) => problem.stepId === id);
  }
}
