// In print everything is open and light; afterwards each part is as the reader had it.
addEventListener("beforeprint", () => {
  const root = document.documentElement;
  root.dataset.themeOnScreen = root.dataset.theme;
  root.dataset.theme = "light";
  for (const part of document.querySelectorAll("details:not([open])")) {
    part.open = true;
    part.dataset.openedForPrint = "";
  }
});
addEventListener("afterprint", () => {
  const root = document.documentElement;
  root.dataset.theme = root.dataset.themeOnScreen;
  for (const part of document.querySelectorAll("details[data-opened-for-print]")) {
    part.open = false;
    delete part.dataset.openedForPrint;
  }
});

// What scrolls sideways can be reached with the keyboard; what does not is no stop on the way.
function stopAtWhatScrolls() {
  for (const part of document.querySelectorAll("pre, .katex-display")) {
    if (part.scrollWidth > part.clientWidth) part.tabIndex = 0;
    else part.removeAttribute("tabindex");
  }
}
addEventListener("load", stopAtWhatScrolls);
addEventListener("resize", stopAtWhatScrolls);
addEventListener("toggle", stopAtWhatScrolls, true);

// Search results show a few words of each page, which they fetch; files may not fetch each other.
if (location.protocol === "file:") DOCUMENTATION_OPTIONS.SHOW_SEARCH_SUMMARY = false;
