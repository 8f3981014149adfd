// What begins runs, in a form: every type of trigger.

import { TRIGGERS, WEEKDAYS } from "./catalogue.js";
import { button, make } from "./dom.js";
import { note, row, select, suggested, text, zoneField, zoneHere } from "./fields.js";

const EMPTY = {
  EVENT: { eventName: "" },
  EVENTS: { eventNames: [], mode: "ALL" },
  SEGMENT_ENTRY: {},
  SEGMENT_EXIT: {},
  SCHEDULE: { schedule: "0 9 * * *" },
  MANUAL: {},
};

export function triggerForm({ store, setTrigger, again }) {
  const { trigger } = store.document;
  const change = (part) => setTrigger({ ...store.document.trigger, ...part });
  const pickType = (type) => {
    const zone = type === "SCHEDULE" ? { timezone: zoneHere() } : {};
    setTrigger({ type, ...EMPTY[type], ...zone });
    again();
  };
  return [select("People come in when", trigger.type, TRIGGERS, pickType, { name: "trigger" }), ...details(trigger, store, change, again), entries(store)];
}

function entries(store) {
  const told = (value) => store.set("settings", { ...store.settings, allowReentry: value === "again" });
  const options = [["once", "Only once"], ["again", "Each time, again"]];
  return select("How often somebody may come in", store.settings.allowReentry ? "again" : "once", options, told, { name: "entries", hint: "Holds as soon as it is saved, also for what is published." });
}

function details(trigger, store, change, again) {
  switch (trigger.type) {
    case "EVENT":
      return [suggested("Event", trigger.eventName, store.choices.events, (eventName) => change({ eventName }), { name: "eventName", placeholder: "Such as signed-up", hint: "Its name, as your site sends it." })];
    case "EVENTS":
      return severalEvents(trigger, store, change, again);
    case "SEGMENT_ENTRY":
    case "SEGMENT_EXIT":
      return [segment("Segment", trigger, store, change), note("Only segments that keep track of who comes and goes can tell of it; switch that on in the segment.")];
    case "SCHEDULE":
      return schedule(trigger, store, change, again);
    default:
      return [note("Nobody comes in by themselves: put people in from the runs of this automation, or by the API.")];
  }
}

function segment(label, trigger, store, change) {
  const isMove = trigger.type !== "SCHEDULE";
  const offered = store.choices.segments.filter((one) => !isMove || one.tracks || one.id === trigger.segmentId);
  return select(label, trigger.segmentId, [["", "Choose a segment"], ...offered.map(({ id, name }) => [id, name])], (value) => change({ segmentId: value || undefined }), { name: "segmentId" });
}

function severalEvents(trigger, store, change, again) {
  return [
    select("Needed", trigger.mode ?? "ALL", [["ALL", "All of these events"], ["ANY", "Any of these events"]], (mode) => change({ mode }), { name: "mode" }),
    names("Events", trigger.eventNames ?? [], store, (eventNames) => change({ eventNames }), again, "eventNames"),
    names("But not if one of these happened", trigger.notEventNames ?? [], store, (list) => change({ notEventNames: list.length ? list : undefined }), again, "notEventNames"),
  ];
}

function names(title, list, store, told, again, name) {
  const entry = suggested("Add an event", "", store.choices.events.filter((event) => !list.includes(event)), () => {}, { name, placeholder: "Name of the event" });
  const input = entry.querySelector("input");
  const add = () => {
    const given = input.value.trim();
    if (!given || list.includes(given)) return;
    told([...list, given]);
    again();
  };
  input.addEventListener("keydown", (event) => {
    if (event.key !== "Enter") return;
    event.preventDefault();
    add();
  });
  const chips = list.map((event) => {
    const remove = () => {
      told(list.filter((one) => one !== event));
      again();
    };
    return make("li", { class: "canvas-chip" }, make("span", { class: "clip", text: event }), button(`Remove ${event}`, "cross", remove, { isQuiet: true }));
  });
  return make("fieldset", { class: "bare-fieldset stack-s" }, make("legend", { class: "label", text: title }), make("ul", { class: "canvas-chips" }, ...chips), row(entry, button("Add", "plus", add, { class: "button-small canvas-row-end" })));
}

// Daily and weekly in words; whatever else as cron writes it.
function schedule(trigger, store, change, again) {
  const simple = /^(\d{1,2}) (\d{1,2}) \* \* (\*|[0-7])$/.exec(trigger.schedule ?? "");
  const zone = zoneField(trigger.timezone, store, (timezone) => change({ timezone }));
  const audience = segment("For whom", trigger, store, change);
  if (!simple) {
    return [
      text("Schedule", trigger.schedule, (value) => change({ schedule: value }), { name: "schedule", class: "mono", hint: "Five fields, as cron has them: minute, hour, day of month, month, weekday." }),
      button("Choose day and time instead", null, () => { change({ schedule: "0 9 * * *" }); again(); }, { class: "button-small" }),
      zone, audience,
    ];
  }
  const [, minute, hour, day] = simple;
  const now = { time: `${hour.padStart(2, "0")}:${minute.padStart(2, "0")}`, day };
  const told = (part) => {
    Object.assign(now, part);
    const [hours, minutes] = now.time.split(":").map(Number);
    change({ schedule: `${minutes || 0} ${hours || 0} * * ${now.day}` });
  };
  const days = WEEKDAYS.map((label, at) => [String((at + 1) % 7), `Every ${label}`]);
  return [
    row(
      select("Day", day === "7" ? "0" : day, [["*", "Every day"], ...days], (value) => told({ day: value }), { name: "day" }),
      text("Time", now.time, (time) => { if (time) told({ time }); }, { type: "time", name: "time" }),
    ),
    button("Write it as cron instead", null, () => { change({ schedule: `${store.document.trigger.schedule} ` }); again(); }, { class: "button-small" }),
    zone, audience,
  ];
}
