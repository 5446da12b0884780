// Keeps the page of a run up to date while it is looked at, until the run has ended. Without it the page loads itself
// anew every five seconds.

// How often it is asked what is new: quickly as long as something changes, then every second.
const QUICKLY_MS = 400;
const EVERY_MS = 1000;
const QUICK_FOR_MS = 10_000;
const SECOND_MS = 1000;

const two = (number) => String(number).padStart(2, "0");

// As the server writes it: 0:42, 12:05, 1:02:05.
const duration = (seconds) => {
  const [hours, minutes, rest] = [Math.floor(seconds / 3600), Math.floor(seconds / 60) % 60, seconds % 60];
  return hours ? `${hours}:${two(minutes)}:${two(rest)}` : `${minutes}:${two(rest)}`;
};

// How many milliseconds the server's clock is ahead of the reader's, as exactly as its header says.
let ahead = 0;
const setClock = (answer) => {
  const sent = Date.parse(answer.headers.get("date"));
  if (!Number.isNaN(sent) && Math.abs(sent - Date.now() - ahead) > 2 * SECOND_MS) ahead = sent - Date.now();
};

const tick = () => {
  const now = Date.now() + ahead;
  for (const clock of document.querySelectorAll("[data-since], [data-until]")) {
    const { since, until } = clock.dataset;
    const passed = since ? now - Date.parse(since) : Date.parse(until) - now;
    const text = duration(Math.max(0, Math.floor(passed / SECOND_MS)));
    if (clock.textContent !== text) clock.textContent = text;
  }
};

const read = async (address, headers = {}) => {
  const answer = await fetch(address, { headers, cache: "no-store" }).catch(() => null);
  if (!answer || answer.redirected) return null;
  setClock(answer);
  if (!answer.ok) return { status: answer.status };
  const page = new DOMParser().parseFromString(await answer.text(), "text/html");
  return { status: answer.status, etag: answer.headers.get("etag"), page };
};

// What the last answer was about, so that one that is the same is not sent again.
let seen = { address: null, etag: null, at: Date.now() };

// After so many answers that did not come, the page says that it may be out of date.
const MISSED = 3;
let missed = 0;
const noteMissed = (number) => {
  missed = number;
  document.getElementById("stale").hidden = missed < MISSED;
};

const look = async () => {
  const run = document.getElementById("run");
  const address = run.dataset.live;
  const headers = seen.address === address && seen.etag ? { "If-None-Match": seen.etag } : {};
  const answer = await read(address, headers);
  if (!answer || answer.status >= 500) return noteMissed(missed + 1);
  // Signed out, or removed: what the whole page says then is said by the whole page.
  if (answer.status >= 400) return location.reload();
  const fresh = answer.page?.getElementById("run");
  if (fresh && document.getElementById("run")?.dataset.live === address) {
    await show(run, fresh);
    seen = { address, etag: answer.etag, at: Date.now() };
    tick();
  }
  noteMissed(0);
};

const show = async (run, fresh) => {
  if (fresh.dataset.status === run.dataset.status) return exchange(run, fresh);
  // Another status brings other commands, and rows that were not there before.
  const main = (await read(location.href))?.page?.querySelector("main");
  if (main?.querySelector("#run")) exchange(document.querySelector("main"), main);
  else exchange(run, fresh);
  document.getElementById("announcement").textContent = document.getElementById("run").dataset.says;
};

let timer = 0;
let looking = false;
const keepLooking = async () => {
  clearTimeout(timer);
  if (looking) return;
  looking = true;
  if (!document.hidden && document.getElementById("run")?.dataset.live) await look();
  looking = false;
  timer = setTimeout(keepLooking, Date.now() - seen.at < QUICK_FOR_MS ? QUICKLY_MS : EVERY_MS);
};
keepLooking();
document.addEventListener("visibilitychange", keepLooking);
setInterval(tick, SECOND_MS);
