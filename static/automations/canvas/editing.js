// What people do on the canvas, however they do it: by pointer, keyboard or panel.

import { TYPES, titleOf } from "./catalogue.js";
import { say } from "./dom.js";
import { addStep, connect, disconnect, flow, freeOutcomes, insertOn, newStep, outcomesOf, place, placeAfter, removeAfter, removeAlone, stepOf, wayOf } from "./model.js";
import { tidy } from "./layout.js";
import { pickRemoval, pickTarget, pickType } from "./palette.js";

const EXISTING = "existing";

export class Editing {
  constructor(store, { viewport, view, reveal }) {
    Object.assign(this, { store, viewport, view, reveal });
  }

  // Where a step goes that nobody placed: after the selected one, else at an open end.
  #openEnd() {
    const { document, selected } = this.store;
    const order = flow(document);
    const chosen = selected ? [stepOf(document, selected)] : [];
    for (const step of [...chosen, ...order.reverse()]) {
      const [free] = freeOutcomes(document, step);
      if (free) return { id: step.id, outcome: free.key };
    }
    return null;
  }

  async add() {
    const type = await pickType("Add a step");
    if (type) this.#put(type, this.#openEnd());
  }

  // Adds a step at the end of a way, at a place if one was pointed at.
  async addAfter(id, outcome, position = null) {
    const step = stepOf(this.store.document, id);
    const way = outcomesOf(step).find(({ key }) => key === outcome)?.label;
    const isTaken = Boolean(wayOf(this.store.document, id, outcome));
    const others = [{ value: EXISTING, label: "A step that is there already", hint: "Lead to it from here", symbol: "next", tone: "neutral" }];
    const type = await pickType(`${isTaken ? "Lead to a new step" : "Add a step"} after “${titleOf(step)}”${way ? `: ${way}` : ""}`, { others });
    if (type === EXISTING) await this.connectFrom(id, outcome);
    else if (type) this.#put(type, { id, outcome }, position);
  }

  #put(type, after, position = null) {
    const { document } = this.store;
    const step = newStep(type, TYPES[type].label, TYPES[type].config, position ?? placeAfter(document, after));
    if (this.store.change((before) => addStep(before, step, after))) this.#show(step.id);
  }

  async insert(wayId) {
    const type = await pickType("Insert a step here", { canExit: false });
    if (!type) return;
    const step = newStep(type, TYPES[type].label, TYPES[type].config, { x: 0, y: 0 });
    if (this.store.change((document) => insertOn(document, wayId, step))) this.#show(step.id);
  }

  #show(id) {
    this.store.select(id);
    this.view.focus(id);
    this.reveal(id);
    say(`${TYPES[stepOf(this.store.document, id).type].label} added`, { action: { label: "Undo", run: () => this.store.undo() } });
  }

  async connectFrom(id, outcome) {
    const target = await pickTarget(this.store, id);
    if (target) this.connect(id, outcome, target);
  }

  connect(id, outcome, target) {
    if (this.store.change((document) => connect(document, id, outcome, target))) say(`Leads to “${titleOf(stepOf(this.store.document, target))}” now`);
  }

  disconnect(id, outcome) {
    const way = wayOf(this.store.document, id, outcome);
    if (way) this.store.change((document) => disconnect(document, way.id));
  }

  async remove(id) {
    const step = stepOf(this.store.document, id);
    if (!step) return;
    if (step.type === "TRIGGER") {
      say("The trigger is the beginning and stays. Open it to choose another one.");
      return;
    }
    const answer = await pickRemoval(this.store, id);
    if (!answer) return;
    const order = flow(this.store.document);
    const before = order[Math.max(0, order.findIndex((one) => one.id === id) - 1)];
    this.store.change((document) => (answer.how === "after" ? removeAfter(document, id) : removeAlone(document, id, answer.onward)));
    if (stepOf(this.store.document, before.id)) this.view.focus(before.id);
    say("Deleted", { action: { label: "Undo", run: () => this.store.undo() } });
  }

  move(id, dx, dy) {
    const { position } = stepOf(this.store.document, id);
    this.store.change((document) => place(document, new Map([[id, { x: position.x + dx, y: position.y + dy }]])), { key: `move ${id}` });
    this.reveal(id);
  }

  tidy() {
    this.store.change((document) => place(document, tidy(document)));
    this.viewport.fit(this.store.document.steps);
  }
}
