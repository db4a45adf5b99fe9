// The bank's question, framed in a gateway's page. The verdict goes to this origin only; the page hears that it is over.

import { texts } from "/assets/texts.js";

const page = document.getElementById("challenge");
const status = document.getElementById("status");
const title = document.getElementById("title");
const buttons = [...document.querySelectorAll("[data-outcome]")];
const parentOrigin = page.dataset.parent;
let locale = document.documentElement.lang === "ko" ? "ko" : "en";
let shown = page.dataset.open === "true" ? null : "challenge_over";

function say(key) {
  shown = key;
  status.textContent = texts[locale][key];
}

function finish() {
  document.getElementById("question")?.remove();
  if (window.parent !== window) window.parent.postMessage({ tollgate: 1, type: "challenge_complete" }, parentOrigin);
  else if (page.dataset.return) window.location.assign(page.dataset.return);
}

async function answer(outcome) {
  for (const button of buttons) button.disabled = true;
  say("challenge_sending");
  try {
    const told = await fetch(page.dataset.verdictUrl, {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify({ outcome }),
      signal: AbortSignal.timeout(15000),
    });
    // 409: it was answered before, perhaps in another tab. The page outside asks what came of it.
    if (!told.ok && told.status !== 409) throw new Error("refused");
    say(told.ok ? "challenge_done" : "challenge_over");
    title.focus();
    finish();
  } catch {
    for (const button of buttons) button.disabled = false;
    say("network");
  }
}

for (const button of buttons) button.addEventListener("click", () => answer(button.dataset.outcome));

window.addEventListener("message", (event) => {
  if (event.source !== window.parent || event.origin !== parentOrigin) return;
  if (event.data?.tollgate !== 1) return;
  if (event.data.type === "focus") title.focus();
  if (event.data.type === "locale") {
    locale = event.data.locale === "ko" ? "ko" : "en";
    document.documentElement.lang = locale;
    document.title = texts[locale].challenge_title;
    for (const element of document.querySelectorAll("[data-text]")) element.textContent = texts[locale][element.dataset.text];
    if (shown) say(shown);
  }
});

if (window.parent !== window) {
  window.parent.postMessage({ tollgate: 1, type: "ready", height: Math.ceil(page.getBoundingClientRect().height) }, parentOrigin);
}
if (page.dataset.open !== "true") finish();
