"use strict";

// -- choosing a file: dropped or picked, named, and not larger than it may be ---------
for (const form of document.querySelectorAll("[data-upload]")) {
  const input = form.querySelector("input[type=file]");
  const area = form.querySelector("[data-drop]");
  const title = form.querySelector("[data-drop-title]");
  const error = form.querySelector("[data-upload-error]");
  const button = form.querySelector("[data-upload-button]");

  function show() {
    const file = input.files[0];
    if (!file) return;
    const size = file.size / 1024 / 1024;
    const isTooLarge = size > Number(form.dataset.limit);
    title.textContent = `${file.name}, ${size < 0.1 ? "under 0.1" : size.toFixed(1)} MB`;
    error.textContent = `The file has more than ${form.dataset.limit} MB. Split it into several.`;
    error.hidden = !isTooLarge;
    button.disabled = isTooLarge;
  }

  input.addEventListener("change", show);
  for (const name of ["dragenter", "dragover"]) {
    area.addEventListener(name, () => area.classList.add("is-over"));
  }
  for (const name of ["dragleave", "drop"]) {
    area.addEventListener(name, () => area.classList.remove("is-over"));
  }
  form.addEventListener("submit", () => {
    button.textContent = "Uploading…";
    // After the form has been read: a disabled button is not sent.
    setTimeout(() => (button.disabled = true));
  });
  window.addEventListener("pageshow", () => {
    button.textContent = "Upload and look at it";
    button.disabled = false;
  });
}

// -- what becomes of a column decides which of its fields count -----------------------
document.addEventListener("change", (event) => {
  if (!event.target.matches?.("[data-target-select]")) return;
  event.target.closest("[data-column]").dataset.target = event.target.value;
});
