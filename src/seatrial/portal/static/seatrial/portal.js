// What scripts add to pages that work without them: the menu on narrow screens, focus on the summary of errors,
// copying, and parts that renew themselves. No inline handlers, no eval, nothing stored.
(() => {
  "use strict";
  document.documentElement.classList.add("st-js");

  const menu = document.querySelector("[data-nav]");
  if (menu) {
    const button = menu.querySelector("button");
    button.hidden = false;
    button.addEventListener("click", () => {
      button.setAttribute("aria-expanded", String(button.getAttribute("aria-expanded") !== "true"));
    });
  }

  const errors = document.querySelector("[data-focus]");
  if (errors) errors.focus();

  // Opening to print shows what is folded away; a paper has no summary to press.
  window.addEventListener("beforeprint", () => {
    for (const part of document.querySelectorAll("main details:not([open])")) {
      part.open = true;
      part.dataset.printed = "";
    }
  });
  window.addEventListener("afterprint", () => {
    for (const part of document.querySelectorAll("details[data-printed]")) {
      part.open = false;
      delete part.dataset.printed;
    }
  });

  const showCopy = (root) => {
    if (!navigator.clipboard) return;
    for (const button of root.querySelectorAll("[data-copy]")) button.hidden = false;
  };
  const showPause = (root) => {
    for (const button of root.querySelectorAll("[data-live-pause]")) button.hidden = false;
  };
  showCopy(document);
  showPause(document);

  document.addEventListener("click", async (event) => {
    const copy = event.target.closest("[data-copy]");
    if (copy) {
      await navigator.clipboard.writeText(copy.parentElement.querySelector("[data-copy-text]").textContent);
      copy.lastChild.textContent = "Copied";
    }
    const pause = event.target.closest("[data-live-pause]");
    if (pause) {
      const paused = pause.getAttribute("aria-pressed") !== "true";
      pause.setAttribute("aria-pressed", String(paused));
      pause.textContent = paused ? "Paused: go on" : "Pause";
    }
  });

  // A part that renews itself: it waits while paused, while somebody is inside it, and while the page is hidden.
  const frame = (event) => event.target.closest && event.target.closest("[data-live]");
  const say = (live, words) => {
    const said = live.querySelector("[data-live-said]");
    if (said.textContent !== words) said.textContent = words;
  };
  document.addEventListener("htmx:beforeRequest", (event) => {
    const live = frame(event);
    if (!live) return;
    const paused = live.querySelector("[data-live-pause]").getAttribute("aria-pressed") === "true";
    if (paused || document.hidden || event.target.contains(document.activeElement)) event.preventDefault();
  });
  document.addEventListener("htmx:beforeSwap", (event) => {
    const live = frame(event);
    if (!live) return;
    const found = new DOMParser().parseFromString(event.detail.xhr.responseText, "text/html").getElementById(event.target.id);
    if (found && event.detail.xhr.status === 200) return;
    event.detail.shouldSwap = false;
    say(live, "This part no longer renews itself. Refresh the page.");
  });
  document.addEventListener("htmx:afterSwap", (event) => {
    const live = frame(event);
    if (!live) return;
    const part = event.target.querySelector("[data-live-part]");
    if (!part) return;
    say(live, part.dataset.summary);
    live.querySelector("[data-live-when]").textContent = part.dataset.when;
    showCopy(event.target);
  });
  document.addEventListener("htmx:sendError", (event) => {
    const live = frame(event);
    if (live) say(live, "The server did not answer; trying again.");
  });
})();
