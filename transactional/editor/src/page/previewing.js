// The mail as it will look: made by the server from what stands in the editor now.

import { make } from "../dom.js";
import { ask } from "./asking.js";

const WIDTHS = { desktop: 680, phone: 375 };
const PAUSE = 350;

export class Preview {
  // `fields()` returns what is posted.
  constructor({ pane, url, contactsUrl, token, fields }) {
    Object.assign(this, { pane, url, contactsUrl, token, fields });
    this.stage = pane.querySelector("[data-stage]");
    this.contact = "";
    this.state = { size: innerWidth > 760 ? "desktop" : "phone", form: "html", dark: false };
    this.number = 0;
    this.isStale = true;
    for (const button of pane.querySelectorAll("[data-size]")) button.addEventListener("click", () => this.set({ size: button.dataset.size, form: "html" }));
    pane.querySelector("[data-plain]").addEventListener("click", () => this.set({ form: this.state.form === "text" ? "html" : "text" }));
    pane.querySelector("[data-dark]").addEventListener("click", () => this.set({ dark: !this.state.dark }));
    new ResizeObserver(() => this.fit()).observe(this.stage);
    new IntersectionObserver(([entry]) => entry.isIntersecting && this.isStale && this.refresh()).observe(this.stage);
    this.person();
    this.show();
  }

  set(change) {
    const { form } = this.state;
    this.state = { ...this.state, ...change };
    this.show();
    if (form === this.state.form) this.fit();
    else this.refresh();
  }

  show() {
    const { size, form, dark } = this.state;
    for (const button of this.pane.querySelectorAll("[data-size]")) button.setAttribute("aria-pressed", String(form === "html" && button.dataset.size === size));
    this.pane.querySelector("[data-plain]").setAttribute("aria-pressed", String(form === "text"));
    this.pane.querySelector("[data-dark]").setAttribute("aria-pressed", String(dark));
    this.stage.dataset.scheme = dark ? "dark" : "light";
  }

  schedule() {
    this.isStale = true;
    clearTimeout(this.timer);
    this.timer = setTimeout(() => this.isVisible && this.refresh(), PAUSE);
  }

  get isVisible() {
    return this.stage.offsetParent !== null;
  }

  // Each answer comes into a frame of its own, which takes the place of the last one as
  // soon as it is there: nothing flickers, and the browser's history stays as it is.
  refresh() {
    this.isStale = false;
    this.number += 1;
    const { number } = this;
    const name = `preview-${number}`;
    const frame = make("iframe", { name, class: "preview-frame is-coming", sandbox: "", title: "The mail as it will look" });
    const form = make("form", { method: "post", action: this.url, target: name, hidden: true });
    const values = { ...this.fields(), contact: this.contact, form: this.state.form, csrfmiddlewaretoken: this.token };
    for (const [key, value] of Object.entries(values)) {
      const input = make("textarea", { name: key });
      input.value = value;
      form.append(input);
    }
    this.pane.dataset.busy = "yes";
    this.dress(frame);
    this.stage.append(frame, form);
    frame.addEventListener("load", () => this.take(frame, number), { once: true });
    form.submit();
    form.remove();
  }

  take(frame, number) {
    if (number !== this.number) {
      frame.remove();
      return;
    }
    for (const old of this.stage.querySelectorAll("iframe")) if (old !== frame) old.remove();
    frame.classList.remove("is-coming");
    delete this.pane.dataset.busy;
    this.pane.dataset.shown = String(number);
    this.fit();
  }

  dress(frame) {
    const { size, dark, form } = this.state;
    const width = form === "text" ? this.stage.clientWidth : WIDTHS[size];
    const scale = Math.min(1, this.stage.clientWidth / width);
    frame.style.colorScheme = dark ? "dark" : "light";
    frame.style.width = `${width}px`;
    frame.style.height = `${this.stage.clientHeight / scale}px`;
    frame.style.transform = `scale(${scale})`;
    frame.style.left = `${Math.max(0, (this.stage.clientWidth - width * scale) / 2)}px`;
  }

  fit() {
    for (const frame of this.stage.querySelectorAll("iframe")) this.dress(frame);
  }

  // -- as a contact -----------------------------------------------------------------------
  person() {
    const input = this.pane.querySelector("[data-contact]");
    const list = this.pane.querySelector("datalist");
    let known = new Map();
    let timer = 0;
    const look = async () => {
      try {
        const { body } = await ask(`${this.contactsUrl}?search=${encodeURIComponent(input.value)}`);
        known = new Map(body.contacts.map((found) => [found.email, found]));
        list.replaceChildren(...body.contacts.map(({ email, name }) => make("option", { value: email, label: name || email })));
        take();
      } catch (error) {
        input.title = error.message;
      }
    };
    const take = () => {
      const id = known.get(input.value.trim())?.id ?? "";
      input.setAttribute("aria-invalid", String(Boolean(input.value.trim()) && !id));
      if (id === this.contact) return;
      this.contact = id;
      this.refresh();
    };
    input.addEventListener("focus", () => !known.size && look(), { once: true });
    // It stands in the form, which Enter would save.
    input.addEventListener("keydown", (event) => event.key === "Enter" && event.preventDefault());
    input.addEventListener("input", () => {
      clearTimeout(timer);
      if (known.has(input.value) || !input.value) take();
      timer = setTimeout(look, 250);
    });
  }
}
