"use strict";

// The open mail is marked in the list, also after either of them was renewed.
function markOpenMail() {
  const open = document.getElementById("reader")?.dataset.message;
  for (const link of document.querySelectorAll("[data-mail]")) {
    if (link.dataset.mail === open) link.setAttribute("aria-current", "true");
    else link.removeAttribute("aria-current");
  }
}

document.addEventListener("htmx:afterSettle", markOpenMail);
