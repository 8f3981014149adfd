"use strict";

// A moment is meant in some zone: by default in that of the browser, which is chosen as
// long as nobody has said another.
for (const part of document.querySelectorAll("[data-zoned=browser]")) {
  const select = part.querySelector("select[name=zone]");
  const own = Intl.DateTimeFormat().resolvedOptions().timeZone;
  if ([...select.options].some((option) => option.value === own)) select.value = own;
}
