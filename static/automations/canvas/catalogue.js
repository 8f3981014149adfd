// What the types of steps are called, and what a step says about itself on its card.

export const TYPES = {
  TRIGGER: { label: "Trigger", icon: "event", tone: "info", hint: "Where people come in" },
  SEND_EMAIL: { label: "Send email", icon: "mail", tone: "accent", hint: "Send one of your templates", config: {} },
  DELAY: { label: "Wait for a time", icon: "clock", tone: "warn", hint: "Some hours or days, or until a weekday", config: { amount: 1, unit: "days" } },
  WAIT_FOR_EVENT: { label: "Wait for an event", icon: "event", tone: "warn", hint: "Go on when something happens, or time is up", config: { eventName: "", timeout: 259200 } },
  CONDITION: { label: "Condition", icon: "filter", tone: "info", hint: "Part people by what is known of them", config: { field: "", operator: "equals", value: "" } },
  UPDATE_CONTACT: { label: "Update contact", icon: "edit", tone: "good", hint: "Change data or the subscription", config: { updates: {} } },
  SEGMENT: { label: "Add to segment", icon: "segment", tone: "good", hint: "Put into a segment, or take out of one", config: { action: "ADD", segmentId: null } },
  WEBHOOK: { label: "Call a webhook", icon: "code", tone: "neutral", hint: "Tell another system", config: { url: "", method: "POST" } },
  EXIT: { label: "Exit", icon: "exit", tone: "neutral", hint: "The automation ends here", config: {} },
};

export const ADDABLE = Object.keys(TYPES).filter((type) => type !== "TRIGGER");

export const TRIGGERS = [
  ["EVENT", "An event happens"],
  ["EVENTS", "Several events happen"],
  ["SEGMENT_ENTRY", "Somebody comes into a segment"],
  ["SEGMENT_EXIT", "Somebody leaves a segment"],
  ["SCHEDULE", "On a schedule"],
  ["MANUAL", "By hand, or by the API"],
];

export const WEEKDAYS = ["Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"];

export const OPERATORS = [
  ["equals", "is"],
  ["notEquals", "is not"],
  ["contains", "contains"],
  ["notContains", "does not contain"],
  ["greaterThan", "is more than"],
  ["lessThan", "is less than"],
  ["greaterThanOrEqual", "is at least"],
  ["lessThanOrEqual", "is at most"],
  ["exists", "is known"],
  ["notExists", "is not known"],
];

export const DEEDS = { delivered: "was delivered", opened: "was opened", clicked: "was clicked", bounced: "bounced" };

export function titleOf(step) {
  return step.name || TYPES[step.type].label;
}

function named(list, id, what) {
  if (!id) return `Choose a ${what}`;
  return list.find((one) => one.id === id)?.name ?? `A ${what} that is not there any more`;
}

export function spanOf(seconds) {
  for (const [unit, size] of [["day", 86400], ["hour", 3600], ["minute", 60]]) {
    if (seconds >= size && seconds % size === 0) return plural(seconds / size, unit);
  }
  return plural(seconds, "second");
}

export function plural(count, word) {
  return `${Number(count).toLocaleString("en")} ${word}${count === 1 ? "" : "s"}`;
}

export function fieldWords(field, document) {
  if (!field) return "Choose what to look at";
  const [root, ...rest] = field.split(".");
  if (root === "step") {
    const mail = document.steps.find((step) => step.id === rest[0]);
    return `“${mail ? titleOf(mail) : "A deleted step"}” ${DEEDS[rest[1]] ?? rest[1]}`;
  }
  const own = { "contact.email": "Email address", "contact.subscribed": "Subscribed", "contact.createdAt": "Came on" };
  if (own[field]) return own[field];
  if (root === "event" || root === "workflow") return `Event’s ${rest.join(".")}`;
  return field.replace(/^contact\./, "").replace(/^data\./, "");
}

function valueWords(value) {
  if (value === true) return "yes";
  if (value === false) return "no";
  return value === undefined || value === null || value === "" ? "…" : `“${value}”`;
}

export function comparisonWords(operator, value) {
  const words = Object.fromEntries(OPERATORS)[operator] ?? operator;
  return operator === "exists" || operator === "notExists" ? words : `${words} ${valueWords(value)}`;
}

function triggerWords(trigger, choices) {
  switch (trigger.type) {
    case "EVENT":
      return trigger.eventName ? `When “${trigger.eventName}” happens` : "Choose an event";
    case "EVENTS": {
      const names = (trigger.eventNames ?? []).map((name) => `“${name}”`);
      return names.length ? `When ${names.join(trigger.mode === "ANY" ? " or " : " and ")} happened` : "Choose events";
    }
    case "SEGMENT_ENTRY":
      return trigger.segmentId ? `When somebody comes into “${named(choices.segments, trigger.segmentId, "segment")}”` : "Choose a segment";
    case "SEGMENT_EXIT":
      return trigger.segmentId ? `When somebody leaves “${named(choices.segments, trigger.segmentId, "segment")}”` : "Choose a segment";
    case "SCHEDULE":
      return trigger.schedule ? `On a schedule: ${trigger.schedule} (${trigger.timezone || "UTC"})` : "Choose a schedule";
    default:
      return "When you or the API put people in";
  }
}

function delayWords({ until, amount, unit }) {
  if (!until) return amount ? `Wait ${plural(amount, (unit ?? "").replace(/s$/, ""))}` : "Say how long";
  const day = until.weekday === null || until.weekday === undefined ? "the next" : `the next ${WEEKDAYS[until.weekday]},`;
  return `Until ${day} ${until.time || "…"} (${until.timezone || "UTC"})`;
}

function conditionWords(config, document) {
  if (config.filter) return "Does the contact match the rules?";
  const what = fieldWords(config.field, document);
  if (config.mode === "multi") return `By ${what}, ${plural((config.branches ?? []).length + 1, "way")}`;
  if (config.field?.startsWith("step.")) return config.value === false ? `${what}: no?` : `${what}?`;
  return config.field ? `${what} ${comparisonWords(config.operator, config.value)}?` : what;
}

// One line about what a step does, such as stands on its card.
export function summary(step, document, choices) {
  const { config } = step;
  switch (step.type) {
    case "TRIGGER":
      return triggerWords(document.trigger, choices);
    case "SEND_EMAIL":
      return named(choices.templates, step.templateId, "template");
    case "DELAY":
      return delayWords(config);
    case "WAIT_FOR_EVENT":
      return config.eventName ? `“${config.eventName}”, ${config.timeout ? `at most ${spanOf(config.timeout)}` : "as long as it takes"}` : "Choose an event";
    case "CONDITION":
      return conditionWords(config, document);
    case "UPDATE_CONTACT": {
      const keys = Object.keys(config.updates ?? {});
      const wish = { subscribe: "Subscribe", unsubscribe: "Unsubscribe" }[config.subscriptionAction];
      return [wish, keys.length ? `Set ${keys.join(", ")}` : ""].filter(Boolean).join(", ") || "Say what to change";
    }
    case "SEGMENT":
      return `${config.action === "REMOVE" ? "Take out of" : "Put into"} ${named(choices.segments, config.segmentId, "segment")}`;
    case "WEBHOOK":
      return config.url ? `${config.method ?? "POST"} ${config.url}` : "Say which address";
    default:
      return config.reason || "The automation ends here";
  }
}
