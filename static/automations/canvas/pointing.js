// Mouse, pen and fingers: pan, pinch, move a step, draw a way from a port.

import { SIZE, place, stepOf } from "./model.js";
import { curve } from "./edges.js";

const SLACK = 5;
const GRID = 4;

export class Pointing {
  #pointers = new Map();
  #drag = null;
  #wasDragged = false;

  // `acts`: openStep(id), pressPort(id, outcome), connect(id, outcome, toId),
  // addAt(id, outcome, position), clear().
  constructor(store, { area, viewport, view, edges, draft }, acts) {
    Object.assign(this, { store, area, viewport, view, edges, draft, acts });
    area.addEventListener("pointerdown", (event) => this.#down(event));
    area.addEventListener("pointermove", (event) => this.#move(event));
    // What lay under the finger may be gone by now, and the event with it.
    addEventListener("pointerup", (event) => this.#up(event));
    addEventListener("pointercancel", (event) => this.#cancel(event));
    area.addEventListener("click", (event) => this.#click(event), true);
  }

  #down(event) {
    if (event.button !== 0 && event.button !== 1) return;
    this.#wasDragged = false;
    this.#pointers.set(event.pointerId, { x: event.clientX, y: event.clientY });
    if (this.#pointers.size === 2) {
      this.#stop();
      this.#drag = { kind: "pinch" };
      this.#wasDragged = true;
      return;
    }
    if (this.#pointers.size > 2 || event.target.closest(".edge-plus")) return;
    const id = event.target.closest("[data-step]")?.dataset.step;
    const port = event.target.closest(".port");
    const isCard = event.target.closest(".step-card");
    const begun = { x: event.clientX, y: event.clientY, pointer: event.pointerId, isMoved: false };
    if (port) this.#drag = { kind: "connect", id, outcome: port.dataset.outcome, ...begun };
    else if (isCard) this.#drag = { kind: "step", id, from: stepOf(this.store.document, id).position, ...begun };
    else this.#drag = { kind: "pan", ...begun };
  }

  #move(event) {
    const before = this.#pointers.get(event.pointerId);
    if (!before || !this.#drag) return;
    const now = { x: event.clientX, y: event.clientY };
    if (this.#drag.kind === "pinch") {
      this.#pinch(event.pointerId, before, now);
      return;
    }
    this.#pointers.set(event.pointerId, now);
    const drag = this.#drag;
    if (!drag.isMoved) {
      if (Math.hypot(now.x - drag.x, now.y - drag.y) < SLACK) return;
      drag.isMoved = true;
      this.#wasDragged = true;
      this.area.setPointerCapture(event.pointerId);
      this.area.classList.add(`is-${drag.kind}ing`);
    }
    if (drag.kind === "pan") this.viewport.pan(now.x - before.x, now.y - before.y);
    else if (drag.kind === "step") this.#moveStep(drag, now);
    else this.#drawWay(drag, now);
  }

  #pinch(id, before, now) {
    const other = [...this.#pointers].find(([key]) => key !== id)[1];
    const apart = (point) => Math.hypot(point.x - other.x, point.y - other.y) || 1;
    this.#pointers.set(id, now);
    this.viewport.pan((now.x - before.x) / 2, (now.y - before.y) / 2);
    this.viewport.zoom(apart(now) / apart(before), (now.x + other.x) / 2, (now.y + other.y) / 2);
  }

  #moveStep(drag, now) {
    const snap = (value) => Math.round(value / GRID) * GRID;
    drag.to = { x: snap(drag.from.x + (now.x - drag.x) / this.viewport.k), y: snap(drag.from.y + (now.y - drag.y) / this.viewport.k) };
    this.view.put(drag.id, drag.to);
    this.edges.place(new Map([[drag.id, drag.to]]));
  }

  #drawWay(drag, now) {
    const port = this.area.querySelector(`[data-step="${drag.id}"] .port[data-outcome="${CSS.escape(drag.outcome)}"]`);
    const from = stepOf(this.store.document, drag.id).position;
    const start = { x: from.x + parseFloat(port.style.left), y: from.y + SIZE.height };
    this.draft.setAttribute("d", curve(start, this.viewport.toWorld(now.x, now.y)));
    const target = this.#stepAt(now);
    for (const element of this.area.querySelectorAll(".is-target")) element.classList.remove("is-target");
    if (target && target.dataset.step !== drag.id) target.classList.add("is-target");
  }

  #stepAt({ x, y }) {
    return document.elementFromPoint(x, y)?.closest("[data-step]") ?? null;
  }

  #up(event) {
    if (!this.#pointers.delete(event.pointerId)) return;
    const drag = this.#drag;
    if (!drag || (drag.kind !== "pinch" && drag.pointer !== event.pointerId)) return;
    const now = { x: event.clientX, y: event.clientY };
    this.#stop(drag.kind === "step" && drag.isMoved);
    if (drag.kind === "pinch") {
      this.#panOn();
      return;
    }
    if (!drag.isMoved) {
      if (drag.kind === "pan") this.acts.clear();
      return;
    }
    if (drag.kind === "step") this.store.change((document) => place(document, new Map([[drag.id, drag.to]])));
    if (drag.kind === "connect") this.#dropWay(drag, now);
  }

  // Of two fingers one is left, and pans.
  #panOn() {
    const [left] = this.#pointers;
    if (left) this.#drag = { kind: "pan", pointer: left[0], ...left[1], isMoved: true };
  }

  #dropWay(drag, now) {
    const target = this.#stepAt(now)?.dataset.step;
    if (target === drag.id) return;
    if (target) {
      this.acts.connect(drag.id, drag.outcome, target);
      return;
    }
    const { x, y } = this.viewport.toWorld(now.x, now.y);
    this.acts.addAt(drag.id, drag.outcome, { x: Math.round(x - SIZE.width / 2), y: Math.round(y) });
  }

  #cancel(event) {
    if (this.#pointers.delete(event.pointerId)) this.#stop();
  }

  // Ends what is under way; unless `isKept`, a step goes back to where it was.
  #stop(isKept = false) {
    const drag = this.#drag;
    this.#drag = null;
    this.draft.setAttribute("d", "");
    this.area.classList.remove("is-paning", "is-steping", "is-connecting");
    for (const element of this.area.querySelectorAll(".is-target")) element.classList.remove("is-target");
    if (drag?.kind === "step" && drag.isMoved && !isKept) {
      this.view.put(drag.id, drag.from);
      this.edges.place();
    }
  }

  // A press that did not become a drag; the keyboard's presses come here, too.
  #click(event) {
    if (this.#wasDragged && event.detail !== 0) {
      this.#wasDragged = false;
      event.preventDefault();
      event.stopPropagation();
      return;
    }
    const id = event.target.closest("[data-step]")?.dataset.step;
    const port = event.target.closest(".port");
    if (port) this.acts.pressPort(id, port.dataset.outcome);
    else if (event.target.closest(".step-card")) this.acts.openStep(id);
  }
}
