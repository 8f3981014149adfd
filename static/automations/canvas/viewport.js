// What part of the canvas is seen: panning, zooming, fitting.

import { SIZE } from "./model.js";

const [LEAST, MOST] = [0.25, 2];

export class Viewport {
  constructor(area, world, zoomed) {
    Object.assign(this, { area, world, zoomed, x: 0, y: 0, k: 1 });
    area.addEventListener("wheel", (event) => this.#wheel(event), { passive: false });
    // A focused card would be scrolled to, but here one pans.
    area.addEventListener("scroll", () => area.scrollTo(0, 0));
  }

  #show() {
    this.world.style.transform = `translate(${this.x}px, ${this.y}px) scale(${this.k})`;
    this.area.style.backgroundPosition = `${this.x}px ${this.y}px`;
    this.area.style.backgroundSize = `${24 * this.k}px ${24 * this.k}px`;
    this.zoomed(this.k);
  }

  pan(dx, dy) {
    this.x += dx;
    this.y += dy;
    this.#show();
  }

  // Zooms so that what is under a point of the window stays there.
  zoom(factor, clientX, clientY) {
    const box = this.area.getBoundingClientRect();
    const [px, py] = clientX === undefined ? [box.width / 2, box.height / 2] : [clientX - box.left, clientY - box.top];
    const k = Math.min(MOST, Math.max(LEAST, this.k * factor));
    this.x = px - ((px - this.x) * k) / this.k;
    this.y = py - ((py - this.y) * k) / this.k;
    this.k = k;
    this.#show();
  }

  toWorld(clientX, clientY) {
    const box = this.area.getBoundingClientRect();
    return { x: (clientX - box.left - this.x) / this.k, y: (clientY - box.top - this.y) / this.k };
  }

  // Shows every step, as large as fits; never larger than life.
  fit(steps, aside = 0) {
    const box = this.area.getBoundingClientRect();
    const xs = steps.map(({ position }) => position.x);
    const ys = steps.map(({ position }) => position.y);
    const [left, top] = [Math.min(...xs), Math.min(...ys)];
    const width = Math.max(...xs) + SIZE.width - left;
    const height = Math.max(...ys) + SIZE.height + 60 - top;
    const free = box.width - aside;
    const k = Math.min(1, (free - 48) / width, (box.height - 120) / height);
    this.k = Math.max(LEAST, k);
    this.x = (free - width * this.k) / 2 - left * this.k;
    this.y = Math.max(32, (box.height - 72 - height * this.k) / 2 > 120 ? 56 : (box.height - 72 - height * this.k) / 2) - top * this.k;
    this.#show();
  }

  // Pans as little as needed to have a step in sight; `inset` is what covers the edges.
  reveal({ position }, { right = 0, bottom = 0 } = {}) {
    const box = this.area.getBoundingClientRect();
    const margin = 24;
    const left = position.x * this.k + this.x;
    const top = position.y * this.k + this.y;
    const outX = left + SIZE.width * this.k - (box.width - right - margin);
    const outY = top + (SIZE.height + 30) * this.k - (box.height - bottom - margin);
    const dx = left < margin ? margin - left : outX > 0 ? -Math.min(outX, left - margin) : 0;
    const dy = top < margin ? margin - top : outY > 0 ? -Math.min(outY, top - margin) : 0;
    if (dx || dy) this.pan(dx, dy);
  }

  // A mouse's wheel and pinching zoom; two fingers on a pad pan.
  #wheel(event) {
    event.preventDefault();
    const isPad = !event.ctrlKey && !event.metaKey && event.deltaMode === 0 && (event.deltaX !== 0 || Math.abs(event.deltaY) < 40);
    if (isPad) this.pan(-event.deltaX, -event.deltaY);
    else this.zoom(Math.exp(-event.deltaY * (event.ctrlKey && Math.abs(event.deltaY) < 40 ? 0.01 : 0.0016)), event.clientX, event.clientY);
  }
}
