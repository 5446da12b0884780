// The forms of an export follow what is chosen in them: they are posted as their buttons post them, and what comes back
// is put in the place of what is there. Saving is left to the browser. Everything works without this.
{
  const ASK_AFTER_MS = 250;
  const SAY_BUSY_AFTER_MS = 400;
  const form = () => document.querySelector("form[data-live]");
  const panel = (page) => page.querySelector(".panel");
  const isText = (field) => field.matches("input:not([type=checkbox], [type=radio], [type=hidden])");

  let asking = null;
  let askLater = 0;

  // What is typed while the answer is under way is newer than the answer.
  const keepWhatIsNewer = (fresh, asked) => {
    for (const field of [...form().elements].filter((one) => one.id && isText(one))) {
      const answered = fresh.querySelector(`#${CSS.escape(field.id)}`);
      if (answered && field.value !== asked.get(field.id)) answered.value = field.value;
    }
  };

  const ask = async (button) => {
    clearTimeout(askLater);
    asking?.abort();
    const mine = (asking = new AbortController());
    const asked = new Map([...form().elements].map((one) => [one.id, one.value]));
    const body = new URLSearchParams(new FormData(form(), button));
    if (!button) body.set("do", "update");
    const said = document.getElementById("busy");
    const sayBusy = setTimeout(() => (said.textContent = button?.dataset.busyText ?? said.dataset.busy), SAY_BUSY_AFTER_MS);
    try {
      const answer = await fetch(form().action, { method: "POST", body, signal: mine.signal, headers: { "X-Panel-Only": "yes" } });
      const text = await answer.text();
      if (mine !== asking) return;
      const fresh = panel(new DOMParser().parseFromString(text, "text/html"));
      if (!answer.ok || !fresh) throw new Error(`the site answered ${answer.status}`);
      keepWhatIsNewer(fresh, asked);
      exchange(panel(document), fresh);
      if (button && button.value !== "update") goOn(fresh);
    } catch {
      if (mine === asking) said.textContent = said.dataset.failed;
    } finally {
      clearTimeout(sayBusy);
      if (mine === asking) asking = null;
    }
  };

  // Where a page that is loaded would put the focus.
  const goOn = (fresh) => {
    const next = panel(document).querySelector("[role=alert]") ?? document.getElementById(fresh.querySelector("[autofocus]")?.id);
    next?.focus();
  };

  document.addEventListener("change", ({ target }) => {
    if (target.form === form() && target.dataset.updates === "") ask(null);
  });
  document.addEventListener("input", ({ target }) => {
    if (target.form !== form() || target.dataset.updates !== "typing") return;
    clearTimeout(askLater);
    askLater = setTimeout(() => ask(null), ASK_AFTER_MS);
  });
  document.addEventListener(
    "submit",
    (event) => {
      if (event.target !== form()) return;
      let button = event.submitter;
      // Enter does what the button beside the field does, where there is one.
      if (button?.hidden && document.activeElement.dataset.enter !== undefined) {
        button = document.activeElement.closest(".with-button").querySelector("button");
      }
      if (button?.value.startsWith("save")) {
        asking?.abort();
        return;
      }
      event.preventDefault();
      event.stopPropagation();
      ask(button);
    },
    true,
  );

  // Escape closes a panel, but not one in which somebody has typed: that would be lost.
  let touched = false;
  document.addEventListener("input", ({ target }) => (touched ||= target.form === form()));
  document.addEventListener(
    "keydown",
    (event) => {
      if (event.key === "Escape" && touched) event.preventDefault();
    },
    true,
  );

  // Of a list and of segments one has to be chosen; page.js knows of fields that stand alone.
  const updateChosen = () => {
    for (const what of ["list", "segments"]) {
      const need = document.getElementById(`need-${what}`);
      const fields = [...document.querySelectorAll(`[data-chosen=${what}]`)];
      if (need) need.hidden = fields.some((one) => (isText(one) ? one.value.trim() !== "" : one.checked));
    }
  };
  for (const happened of ["input", "exchanged"]) document.addEventListener(happened, updateChosen, true);

  // Buttons that only those need whose browser runs no scripts.
  const hidePlain = (root) => {
    for (const button of root.querySelectorAll(".only-plain")) button.hidden = true;
  };
  document.addEventListener("exchanging", (event) => hidePlain(event.detail));
  hidePlain(document);

  // A schedule that has none yet begins in the reader's own time zone.
  const zone = document.querySelector("[data-own-zone]");
  const own = Intl.DateTimeFormat().resolvedOptions().timeZone;
  if (zone && zone.value === "UTC" && own) zone.value = own;
}
