// A form for each type of step. `form` is {step, store, set, setStep, setTrigger, again}:
// `set` changes the config, `now` returns it as it is since, `again` draws the form anew because its shape changed.

import { WEEKDAYS } from "./catalogue.js";
import { conditionForm } from "./condition-form.js";
import { button, make } from "./dom.js";
import { check, kindOf, longText, note, number, row, select, suggested, tabs, text, valueOf, zoneField, zoneHere } from "./fields.js";
import { triggerForm } from "./trigger-form.js";

const UNITS = [["minutes", "minutes"], ["hours", "hours"], ["days", "days"]];
const SPANS = [["60", "minutes"], ["3600", "hours"], ["86400", "days"]];

function mailForm({ step, store, set, setStep, again }) {
  const { config } = step;
  const templates = store.choices.templates.map(({ id, name }) => [id, name]);
  const isCustom = config.recipient?.type === "CUSTOM";
  const setWhom = (kind) => {
    set({ recipient: kind === "CUSTOM" ? { type: "CUSTOM", customEmail: config.recipient?.customEmail ?? "" } : undefined });
    again();
  };
  const link = make("a", { href: step.templateId ? `${store.urls.templates}${step.templateId}/` : store.urls.templates, target: "_blank", rel: "noopener", text: step.templateId ? "Open the template" : "Templates" });
  return [
    select("Template", step.templateId, [["", "Choose a template"], ...templates], (value) => {
      setStep({ templateId: value || null });
      again();
    }, { name: "templateId" }),
    make("p", { class: "small" }, link),
    select("Send it to", isCustom ? "CUSTOM" : "CONTACT", [["CONTACT", "The contact"], ["CUSTOM", "Another address"]], setWhom, { name: "recipient" }),
    isCustom ? text("Address", config.recipient.customEmail, (value) => set({ recipient: { type: "CUSTOM", customEmail: value } }), { type: "email", name: "customEmail", hint: "Such as a colleague who is told." }) : null,
  ];
}

function delayForm({ step, store, set, again }) {
  const { until } = step.config;
  const pickKind = (kind) => {
    set(kind === "until" ? { amount: undefined, unit: undefined, until: { weekday: null, time: "09:00", timezone: zoneHere() } } : { until: undefined, amount: 1, unit: "days" });
    again();
  };
  const kind = tabs("How to wait", until ? "until" : "for", [["for", "For a time"], ["until", "Until a time of day"]], pickKind);
  if (!until) {
    return [
      kind,
      row(
        number("Wait", step.config.amount, (amount) => set({ amount }), { name: "amount", min: "0", step: "any" }),
        select("Unit", step.config.unit, UNITS, (unit) => set({ unit }), { name: "unit" }),
      ),
    ];
  }
  const change = (part) => set((config) => ({ until: { ...config.until, ...part } }));
  return [
    kind,
    row(
      select("Day", until.weekday ?? "", [["", "Any day"], ...WEEKDAYS.map((day, at) => [String(at), day])], (value) => change({ weekday: value === "" ? null : Number(value) }), { name: "weekday" }),
      text("Time", until.time, (time) => change({ time }), { type: "time", name: "time" }),
    ),
    zoneField(until.timezone, store, (timezone) => change({ timezone })),
    note("People wait until it is that time again in that zone."),
  ];
}

function waitForm({ step, store, set, again }) {
  const { timeout } = step.config;
  const unit = String([86400, 3600, 60].find((size) => timeout && timeout % size === 0) ?? 60);
  const setTimeout_ = (amount, size) => set({ timeout: amount ? Math.round(amount * size) : undefined });
  return [
    suggested("Wait for this event", step.config.eventName, store.choices.events, (eventName) => set({ eventName }), { name: "eventName", placeholder: "Such as signed-up" }),
    check("Go on after a while, even if it does not happen", Boolean(timeout), (isOn) => {
      set({ timeout: isOn ? 259200 : undefined });
      again();
    }, { name: "hasTimeout" }),
    timeout
      ? row(
          number("At most", timeout / Number(unit), (amount) => setTimeout_(amount, Number(unit)), { name: "timeout", min: "1", step: "any" }),
          select("Unit", unit, SPANS, (size) => {
            set((config) => ({ timeout: config.timeout ? Math.round((config.timeout / Number(unit)) * Number(size)) : undefined }));
            again();
          }, { name: "timeoutUnit" }),
        )
      : note("Without that, people stay here until it happens."),
  ];
}

function updateForm({ step, store, set, again }) {
  const pairs = Object.entries(step.config.updates ?? {});
  const keys = (store.choices.fields.find(({ name }) => name === "data.")?.names ?? []).map(({ value }) => value);
  const write = (list) => set({ updates: Object.fromEntries(list.filter(([key]) => key)) });
  const list = pairs.length ? pairs : [["", ""]];
  const rows = list.map(([key, value], at) => {
    const now = [key, value];
    const told = () => {
      list[at] = now;
      write(list);
    };
    const kind = kindOf(value);
    return make(
      "div",
      { class: "canvas-pair" },
      row(
        suggested("Field", key, keys, (given) => { now[0] = given.trim(); told(); }, { name: `key-${at}`, placeholder: "plan" }),
        select("Kind", kind, [["text", "Text"], ["number", "Number"], ["boolean", "Yes or no"]], (given) => { now[1] = valueOf(given, String(now[1])) ?? 0; told(); again(); }, { name: `kind-${at}` }),
      ),
      row(
        kind === "boolean"
          ? select("Value", String(value), [["true", "Yes"], ["false", "No"]], (given) => { now[1] = given === "true"; told(); }, { name: `value-${at}` })
          : text("Value", value, (given) => { now[1] = valueOf(kind, given) ?? ""; told(); }, { name: `value-${at}`, type: kind === "number" ? "number" : "text" }),
        button("Remove this field", "bin", () => { write(list.filter((_, other) => other !== at)); again(); }, { isQuiet: true }),
      ),
    );
  });
  const addRow = () => {
    let fresh = "new_field";
    for (let at = 2; list.some(([key]) => key === fresh); at += 1) fresh = `new_field_${at}`;
    write([...list, [fresh, ""]]);
    again();
  };
  return [
    make("fieldset", { class: "bare-fieldset stack-s" }, make("legend", { class: "label", text: "Set data" }), ...rows, button("Another field", "plus", addRow, { class: "button-small" })),
    select("Subscription", step.config.subscriptionAction ?? "none", [["none", "Leave as it is"], ["subscribe", "Subscribe"], ["unsubscribe", "Unsubscribe"]], (wish) => set({ subscriptionAction: wish === "none" ? undefined : wish }), { name: "subscriptionAction" }),
  ];
}

function segmentForm({ step, store, set }) {
  const fixed = store.choices.segments.filter((segment) => segment.isStatic || segment.id === step.config.segmentId);
  return [
    select("What to do", step.config.action ?? "ADD", [["ADD", "Put into the segment"], ["REMOVE", "Take out of the segment"]], (action) => set({ action }), { name: "action" }),
    select("Segment", step.config.segmentId, [["", "Choose a segment"], ...fixed.map(({ id, name }) => [id, name])], (value) => set({ segmentId: value || null }), { name: "segmentId", hint: "Only static segments: the others find their members by themselves." }),
  ];
}

function webhookForm({ step, set }) {
  const { config } = step;
  const written = (value) => (value === undefined || value === null ? "" : typeof value === "string" ? value : JSON.stringify(value, null, 2));
  const read = (given) => {
    if (!given.trim()) return undefined;
    try {
      return JSON.parse(given);
    } catch {
      return given;
    }
  };
  return [
    row(
      select("Method", config.method ?? "POST", ["POST", "PUT", "PATCH", "GET", "DELETE"].map((name) => [name, name]), (method) => set({ method }), { name: "method" }),
      text("Address", config.url, (url) => set({ url }), { name: "url", type: "url", placeholder: "https://example.com/hook" }),
    ),
    longText("Headers", Object.entries(config.headers ?? {}).map(([key, value]) => `${key}: ${value}`).join("\n"), (given) => set({ headers: headersOf(given) }), { name: "headers", rows: "3", placeholder: "Authorization: Bearer …", hint: "One on each line." }),
    longText("Body", written(config.body), (given) => set({ body: read(given) }), { name: "body", rows: "6", class: "mono", hint: "JSON; {{ email }} and other variables are filled in. Empty: contact and event." }),
  ];
}

function headersOf(given) {
  const lines = given.split("\n").map((line) => line.split(/:(.*)/s)).filter(([key]) => key.trim());
  return lines.length ? Object.fromEntries(lines.map(([key, value = ""]) => [key.trim(), value.trim()])) : undefined;
}

function exitForm({ step, set }) {
  return [text("Why it ends here", step.config.reason, (reason) => set({ reason: reason || undefined }), { name: "reason", maxlength: "200", hint: "Stands in the history of each run; may be empty." })];
}

const FORMS = {
  TRIGGER: triggerForm,
  SEND_EMAIL: mailForm,
  DELAY: delayForm,
  WAIT_FOR_EVENT: waitForm,
  CONDITION: conditionForm,
  UPDATE_CONTACT: updateForm,
  SEGMENT: segmentForm,
  WEBHOOK: webhookForm,
  EXIT: exitForm,
};

export function fieldsOf(form) {
  return FORMS[form.step.type](form).filter(Boolean);
}
