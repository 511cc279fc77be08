// Small helpers for elements. Text is always set as text: nothing that a server or a file says becomes markup.

export function byId(id) {
  return document.getElementById(id);
}

export function element(tag, className, children = []) {
  const made = document.createElement(tag);
  made.className = className;
  made.append(...children);
  return made;
}

/** Set a text only where it differs, so that a selection stays and nothing is laid out again. */
export function setText(target, text) {
  if (target.textContent !== text) target.textContent = text;
}
