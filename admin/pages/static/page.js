// What makes the pages smoother. Everything works without it.

const menus = () => [...document.querySelectorAll("details.menu[open]")];

// One menu at a time; a click elsewhere closes it.
document.addEventListener("click", (event) => {
  for (const menu of menus()) {
    if (!menu.contains(event.target)) menu.open = false;
  }
});

// The menu of the last row may open below the edge of the window.
document.addEventListener(
  "toggle",
  ({ target }) => {
    if (target.matches("td > details.menu[open]")) target.querySelector(".menu-list").scrollIntoView({ block: "nearest" });
  },
  true,
);

// Escape closes the open menu, else the panel.
document.addEventListener("keydown", (event) => {
  if (event.key !== "Escape" || event.defaultPrevented) return;
  const [menu] = menus();
  if (menu) {
    menu.open = false;
    menu.querySelector("summary").focus();
  } else if (document.activeElement?.type !== "search") {
    document.querySelector("[data-close]")?.click();
  }
});

// A panel was closed: back to what it was opened from. What is folded away on the help page unfolds for whoever is led
// there.
const goToWhatTheAddressNames = () => {
  const named = location.hash && document.getElementById(location.hash.slice(1));
  if (!named) return;
  const own = named.querySelector(":scope > details.unfolds") ?? named.closest("details.unfolds");
  for (let fold = own; fold; fold = fold.parentElement.closest("details.unfolds")) fold.open = true;
  if (own) named.scrollIntoView();
  const reached = named.hasAttribute("tabindex") ? named : (own?.querySelector("summary") ?? named);
  reached.focus({ preventScroll: Boolean(own) });
};
goToWhatTheAddressNames();
addEventListener("hashchange", goToWhatTheAddressNames);

// Times: the server knows only UTC, the browser knows the reader's own time zone.
// Of the page's language the reader's own kind: “22 Nov 2026, 16:32” for who reads British English.
const { lang } = document.documentElement;
const ofThisPage = new RegExp(`^${lang}(-[a-z0-9]{2,8})*$`, "i");
const ownKind = navigator.languages.find((one) => ofThisPage.test(one)) ?? lang;
const exactTime = new Intl.DateTimeFormat(ownKind, { dateStyle: "medium", timeStyle: "long" });
const localTimes = (root) => {
  for (const time of root.querySelectorAll("time[datetime]")) {
    const moment = new Date(time.dateTime);
    if (Number.isNaN(moment.valueOf())) continue;
    const text = exactTime.format(moment);
    if (time.dataset.exact === undefined) time.title = text;
    else time.textContent = text;
  }
};
localTimes(document);
document.addEventListener("exchanging", (event) => localTimes(event.detail));

// The server has said what Save still needs; what is typed or ticked meanwhile changes that.
const updateNeeds = () => {
  const needs = document.querySelector("[data-needs]");
  if (!needs) return;
  const items = [...needs.querySelectorAll("[data-need]")];
  for (const field of document.querySelectorAll("[data-needed]")) {
    const given = field.type === "checkbox" ? field.checked : field.value.trim() !== "";
    const item = items.find((one) => one.dataset.need === field.dataset.needed);
    if (item) item.hidden = given;
  }
  const complete = items.every((item) => item.hidden);
  needs.hidden = complete;
  for (const button of document.querySelectorAll("[data-save], button[hidden][value=save]")) button.disabled = !complete;
};
for (const happened of ["input", "exchanged"]) document.addEventListener(happened, updateNeeds);
updateNeeds();

// Sorting, selecting, filtering, turning pages and searching show the same page in another way: only what differs is
// exchanged, and the focus stays. Of two answers under way only the newer one counts.
let waitingFor = null;
const swap = async (address) => {
  waitingFor?.abort();
  const mine = (waitingFor = new AbortController());
  const answer = await fetch(address, { signal: mine.signal }).catch(() => null);
  if (mine.signal.aborted) return;
  if (!answer?.ok || answer.redirected) {
    location.assign(address);
    return;
  }
  const text = await answer.text();
  if (mine.signal.aborted) return;
  const page = new DOMParser().parseFromString(text, "text/html");
  exchange(document.querySelector("main"), page.querySelector("main"));
  history.replaceState(null, "", address);
  if (document.activeElement === document.body) document.querySelector("main").focus();
};
document.addEventListener("click", (event) => {
  const link = event.target.closest("a[data-swap]");
  if (!link || event.button || event.ctrlKey || event.metaKey || event.shiftKey || event.altKey) return;
  event.preventDefault();
  swap(link.href);
});

// The list follows what is typed into its search box, a moment after the last key.
const SEARCH_AFTER_MS = 250;
let searchLater = 0;
const searchAddress = (form) => {
  const query = new URLSearchParams([...new FormData(form)].filter(([, value]) => value !== ""));
  return form.action + (query.size ? `?${query}` : "");
};
document.addEventListener("input", (event) => {
  const form = event.target.closest("[data-search]");
  if (!form) return;
  clearTimeout(searchLater);
  searchLater = setTimeout(() => swap(searchAddress(form)), SEARCH_AFTER_MS);
});
document.addEventListener("submit", (event) => {
  if (event.target.dataset.search === undefined) return;
  event.preventDefault();
  clearTimeout(searchLater);
  swap(searchAddress(event.target));
});

// Copying.
const offerCopying = () => {
  for (const button of document.querySelectorAll("[data-copy]")) button.hidden = !navigator.clipboard;
};
document.addEventListener("click", async (event) => {
  const button = event.target.closest("[data-copy]");
  if (!button) return;
  await navigator.clipboard.writeText(document.getElementById(button.dataset.copy).textContent);
  button.querySelector("span").textContent = button.dataset.copied;
});
document.addEventListener("exchanged", offerCopying);
offerCopying();

// What was begun takes a moment: a second click must not begin it a second time. A load that was stopped, or a file that
// was downloaded, leaves the page as it is: after a while its forms may be sent again.
const SENT_FOR_MS = 8000;
document.addEventListener("submit", (event) => {
  if (event.defaultPrevented) return;
  const form = event.target;
  if (form.dataset.sent) event.preventDefault();
  form.dataset.sent = "yes";
  setTimeout(() => delete form.dataset.sent, SENT_FOR_MS);
});
// Back in the history the page is as it was left: its forms may be sent again.
addEventListener("pageshow", () => {
  for (const form of document.forms) delete form.dataset.sent;
});
