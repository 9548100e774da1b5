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

// Search results show a few words of each page, which they fetch; files may not fetch each other.
if (location.protocol === "file:") DOCUMENTATION_OPTIONS.SHOW_SEARCH_SUMMARY = false;
