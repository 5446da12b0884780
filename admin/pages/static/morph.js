// Makes what is on the page equal to what the server has sent, and touches nothing that is equal already: so focus,
// caret, scrolling, selection and opened menus stay. Elements are recognised by their id, the others by their order.

// What the reader has done to an element, and the server knows nothing of.
const READERS_OWN = { DETAILS: ["open"], DIALOG: ["open"] };

/**
 * Make `old` and everything in it equal to `fresh`. Tells by events on the document: "exchanging" (detail: `fresh`, which
 * may still be worked on) before, "exchanged" (detail: `old`) after.
 */
const exchange = (old, fresh) => {
  const focused = document.activeElement;
  document.dispatchEvent(new CustomEvent("exchanging", { detail: fresh }));
  morph(old, fresh);
  // An element that was moved has lost the focus.
  if (focused !== document.activeElement && focused?.isConnected) focused.focus({ preventScroll: true });
  document.dispatchEvent(new CustomEvent("exchanged", { detail: old }));
};

const morph = (old, fresh) => {
  morphAttributes(old, fresh);
  if (old.dataset.keep !== undefined) return;
  morphChildren(old, fresh);
  morphField(old, fresh);
};

const morphAttributes = (old, fresh) => {
  const kept = READERS_OWN[old.nodeName] ?? [];
  for (const { name } of [...old.attributes]) {
    if (!fresh.hasAttribute(name) && !kept.includes(name)) old.removeAttribute(name);
  }
  for (const { name, value } of [...fresh.attributes]) {
    if (old.getAttribute(name) !== value && !kept.includes(name)) old.setAttribute(name, value);
  }
};

// What is typed just now stays: the answer is about what had been typed before.
const morphField = (old, fresh) => {
  if (old === document.activeElement && old.matches("input:not([type=checkbox], [type=radio]), textarea")) return;
  if ("checked" in old && old.checked !== fresh.checked) old.checked = fresh.checked;
  if ("value" in old && /^(INPUT|SELECT|TEXTAREA)$/.test(old.nodeName) && old.value !== fresh.value) old.value = fresh.value;
};

const morphChildren = (old, fresh) => {
  const wanted = new Set([...fresh.children].map((one) => one.id).filter(Boolean));
  const same = (one, other) => one.nodeType === other.nodeType && one.nodeName === other.nodeName && (one.id ?? "") === (other.id ?? "");
  let at = old.firstChild;
  for (const child of [...fresh.childNodes]) {
    let found = child.id ? [...old.children].find((one) => same(one, child)) : null;
    if (!found) {
      // What stands here and is not wanted any more goes, until something fits or has to stay.
      while (at && !same(at, child) && !wanted.has(at.id)) {
        const gone = at;
        at = at.nextSibling;
        gone.remove();
      }
      if (at && same(at, child)) found = at;
    }
    if (!found) {
      old.insertBefore(document.importNode(child, true), at);
      continue;
    }
    while (at && at !== found && !wanted.has(at.id)) {
      const gone = at;
      at = at.nextSibling;
      gone.remove();
    }
    if (at !== found) old.insertBefore(found, at);
    else at = at.nextSibling;
    if (found.nodeType === Node.ELEMENT_NODE) morph(found, child);
    else if (found.nodeValue !== child.nodeValue) found.nodeValue = child.nodeValue;
  }
  while (at) {
    const gone = at;
    at = at.nextSibling;
    gone.remove();
  }
};
