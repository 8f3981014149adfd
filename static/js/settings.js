// The samples follow the chosen colour at once; the server computes the same again
// (plunk/projects/branding.py) and its word counts.
const LIGHT = "#ffffff";
const DARK = "#17171c";
const STEPS = 20;

function channels(color) {
  return [1, 3, 5].map((at) => parseInt(color.slice(at, at + 2), 16));
}

function luminance(color) {
  const [red, green, blue] = channels(color).map((channel) => {
    const value = channel / 255;
    return value <= 0.04045 ? value / 12.92 : ((value + 0.055) / 1.055) ** 2.4;
  });
  return 0.2126 * red + 0.7152 * green + 0.0722 * blue;
}

function contrast(one, other) {
  const [darker, brighter] = [luminance(one), luminance(other)].sort((a, b) => a - b);
  return (brighter + 0.05) / (darker + 0.05);
}

function mix(one, other, share) {
  const to = channels(other);
  return "#" + channels(one).map((from, at) =>
    Math.round(from + (to[at] - from) * share).toString(16).padStart(2, "0")).join("");
}

function strongEnough(color, ground, towards) {
  for (let step = 0; step < STEPS; step += 1) {
    const mixed = mix(color, towards, step / STEPS);
    if (contrast(mixed, ground) >= 3) return mixed;
  }
  return towards;
}

function show(field, color) {
  const onFill = contrast("#ffffff", color) >= contrast("#000000", color) ? "#ffffff" : "#000000";
  for (const sample of field.querySelectorAll(".sample")) {
    sample.style.setProperty("--fill", color);
    sample.style.setProperty("--on-fill", onFill);
    sample.style.setProperty("--mark-light", strongEnough(color, LIGHT, "#000000"));
    sample.style.setProperty("--mark-dark", strongEnough(color, DARK, "#ffffff"));
  }
  const name = onFill === "#ffffff" ? "white" : "black";
  field.querySelector("[data-contrast]").textContent =
    `The text on it is ${name}, with a contrast of ${contrast(color, onFill).toFixed(1)} to 1. ` +
    "4.5 is enough to be read by everybody.";
}

for (const field of document.querySelectorAll("[data-colors]")) {
  const own = field.querySelector("input[type=color]");
  own.addEventListener("input", () => {
    field.querySelector("input[value=own]").checked = true;
    show(field, own.value);
  });
  field.addEventListener("change", (event) => {
    if (event.target.type !== "radio") return;
    show(field, event.target.value === "own" ? own.value : event.target.value);
  });
}
