// What the person is asked: consent before the microphone opens, and the token of a server that wants one.

import { byId, setText } from "./view/dom.js";

let agreed = false; // for as long as this page is open

/** Whether everybody who can be heard agrees. */
export async function consent() {
  if (agreed) return true;
  const dialog = byId("consent");
  setText(byId("consent-host"), location.host);
  byId("agree").checked = false;
  byId("consent-yes").disabled = true;
  agreed = (await answered(dialog)) === "yes";
  return agreed;
}

/** The token that the person enters; null when the dialog is left. */
export async function askToken(why) {
  if (why) setText(byId("token-why"), why);
  const field = byId("token");
  field.value = "";
  return (await answered(byId("token-dialog"))) === "yes" ? field.value : null;
}

/** Show a dialog; the value of the button that closed it, "" for Escape. */
function answered(dialog) {
  dialog.returnValue = "";
  dialog.showModal();
  return new Promise((resolve) => dialog.addEventListener("close", () => resolve(dialog.returnValue), { once: true }));
}

byId("agree").addEventListener("change", ({ target }) => (byId("consent-yes").disabled = !target.checked));

// No button that submits: the Return key in a field presses the first of those.
for (const button of document.querySelectorAll("dialog .cancel")) {
  button.addEventListener("click", () => button.closest("dialog").close());
}
