// What makes the pages smoother. Everything works without it.

const menus = () => [...document.querySelectorAll("details.menu[open]")];

// One menu at a time; a click elsewhere closes it.
document.addEventListener("click", (event) => {
  for (const menu of menus()) {
    if (!menu.contains(event.target)) menu.open = false;
  }
});

// Escape closes the open menu, else the panel.
document.addEventListener("keydown", (event) => {
  if (event.key !== "Escape" || event.defaultPrevented) return;
  const [menu] = menus();
  if (menu) {
    menu.open = false;
    menu.querySelector("summary").focus();
  } else {
    document.querySelector("[data-close]")?.click();
  }
});

// A panel was closed: back to what it was opened from.
if (location.hash) document.getElementById(location.hash.slice(1))?.focus();

// The server has said what Save still needs; what is typed or ticked meanwhile changes that.
const needs = document.querySelector("[data-needs]");
if (needs) {
  const save = document.querySelector("[data-save]");
  const items = [...needs.querySelectorAll("[data-need]")];
  const update = () => {
    for (const field of document.querySelectorAll("[data-needed]")) {
      const given = field.type === "checkbox" ? field.checked : field.value.trim() !== "";
      const item = items.find((one) => one.dataset.need === field.dataset.needed);
      if (item) item.hidden = given;
    }
    const complete = items.every((item) => item.hidden);
    needs.hidden = complete;
    for (const button of [save, ...document.querySelectorAll("button[hidden][value=save]")]) button.disabled = !complete;
  };
  document.addEventListener("input", update);
  update();
}

// Sorting and selecting show the same page in another way: only its content is exchanged, and the focus stays.
const swap = async (address, id) => {
  const answer = await fetch(address).catch(() => null);
  if (!answer?.ok) {
    location.assign(address);
    return;
  }
  const page = new DOMParser().parseFromString(await answer.text(), "text/html");
  document.querySelector("main").replaceChildren(...page.querySelector("main").childNodes);
  history.replaceState(null, "", address);
  (document.getElementById(id) ?? document.querySelector("main")).focus();
};
document.addEventListener("click", (event) => {
  const link = event.target.closest("a[data-swap]");
  if (!link || event.button || event.ctrlKey || event.metaKey || event.shiftKey || event.altKey) return;
  event.preventDefault();
  swap(link.href, link.id);
});

// Copying.
for (const button of document.querySelectorAll("[data-copy]")) {
  if (!navigator.clipboard) break;
  button.hidden = false;
  button.addEventListener("click", async () => {
    await navigator.clipboard.writeText(document.getElementById(button.dataset.copy).textContent);
    button.querySelector("span").textContent = button.dataset.copied;
  });
}

// Going to Constant Contact takes a moment: a second click must not begin a second sign-in.
document.addEventListener("submit", (event) => {
  if (event.target.dataset.sent) event.preventDefault();
  event.target.dataset.sent = "yes";
});
// Back in the history the page is as it was left: its forms may be sent again.
addEventListener("pageshow", () => {
  for (const form of document.forms) delete form.dataset.sent;
});
