// The card form, framed in a gateway's page. The card goes to this origin only; the page gets a token.

import { texts } from "/assets/texts.js";
import * as card from "/assets/card.js";

const form = document.getElementById("card");
const frame = document.getElementById("frame");
const badge = document.getElementById("brand");
const formError = document.getElementById("form-error");
const parentOrigin = form.dataset.parent;
const fields = {
  number: { input: document.getElementById("number"), digits: card.digitsOf, format: card.formatNumber },
  expiry: { input: document.getElementById("expiry"), digits: card.expiryDigits, format: card.formatExpiry },
  cvc: { input: document.getElementById("cvc"), digits: card.digitsOf, format: (digits) => digits },
};
let locale = document.documentElement.lang === "ko" ? "ko" : "en";
let busy = false;
let lastState = "";

const brand = () => card.brandOf(value("number"));
const value = (name) => fields[name].digits(fields[name].input.value);
const say = (key) => texts[locale][key] ?? "";

function tell(type, more = {}) {
  if (window.parent !== window) window.parent.postMessage({ tollgate: 1, type, ...more }, parentOrigin);
}

function faultOf(name) {
  if (name === "number") return card.numberFault(value("number"));
  if (name === "expiry") return card.expiryFault(value("expiry"), new Date());
  return card.cvcFault(value("cvc"), brand());
}

function showFault(name, code) {
  const field = fields[name];
  const line = document.getElementById(`${name}-error`);
  field.fault = code;
  if (code) field.input.setAttribute("aria-invalid", "true");
  else field.input.removeAttribute("aria-invalid");
  line.textContent = code ? say(code === "incomplete" ? `missing_${name}` : code) : "";
}

function showFormFault(code) {
  formError.dataset.code = code ?? "";
  formError.textContent = code ? say(code) : "";
}

function tellState() {
  const complete = Object.keys(fields).every((name) => faultOf(name) === null);
  const state = { complete, brand: brand().brand };
  if (JSON.stringify(state) === lastState) return;
  lastState = JSON.stringify(state);
  tell("state", state);
}

// Rewrites a field in its format and leaves the caret behind the same digit as before.
function reformat(name, event) {
  const field = fields[name];
  const input = field.input;
  const typed = input.value;
  let caret = input.selectionStart ?? typed.length;
  let digits = field.digits(typed);
  let before = card.digitsOf(typed.slice(0, caret)).length;
  if (digits === field.last && event?.inputType === "deleteContentBackward" && before > 0) {
    // Only a separator was deleted: the digit before it was meant.
    digits = digits.slice(0, before - 1) + digits.slice(before);
    before -= 1;
  } else if (digits === field.last && event?.inputType === "deleteContentForward") {
    digits = digits.slice(0, before) + digits.slice(before + 1);
  }
  const most = { number: card.longest(card.brandOf(digits)), expiry: 4, cvc: card.cvcLength(brand()) }[name];
  digits = digits.slice(0, most);
  const extra = digits.length - card.digitsOf(typed).length;
  if (name === "expiry" && extra > 0 && caret === typed.length) before = digits.length;
  field.last = digits;
  const text = field.format(digits);
  if (text !== typed) input.value = text;
  caret = caretAfter(text, before);
  if (document.activeElement === input) input.setSelectionRange(caret, caret);
}

function caretAfter(text, count) {
  let seen = 0;
  let place = 0;
  while (place < text.length && seen < count) {
    if (/\d/.test(text[place])) seen += 1;
    place += 1;
  }
  // Past a separator that follows, so that the next digit is typed where it will stand.
  while (place < text.length && seen > 0 && !/\d/.test(text[place])) place += 1;
  return place;
}

for (const [name, field] of Object.entries(fields)) {
  field.input.addEventListener("input", (event) => {
    reformat(name, event);
    if (name === "number") {
      badge.textContent = brand().label;
      fields.cvc.input.placeholder = "1234".slice(0, card.cvcLength(brand()));
    }
    showFormFault(null);
    if (field.fault && faultOf(name) === null) showFault(name, null);
    if (name === "number" && fields.cvc.fault && faultOf("cvc") === null) showFault("cvc", null);
    tellState();
  });
  field.input.addEventListener("blur", () => {
    if (field.input.value !== "") showFault(name, faultOf(name));
  });
  field.input.addEventListener("keydown", (event) => {
    if (event.key === "Enter" && !event.isComposing) {
      event.preventDefault();
      tell("submit");
    }
  });
}
form.addEventListener("submit", (event) => event.preventDefault());

async function submit() {
  if (busy) return;
  showFormFault(null);
  let first = null;
  for (const name of Object.keys(fields)) {
    const code = faultOf(name);
    showFault(name, code);
    if (code && !first) first = { name, code };
  }
  if (first) {
    fields[first.name].input.focus();
    tell("error", { code: first.code });
    return;
  }
  busy = true;
  try {
    await tokenise();
  } catch {
    showFormFault("network");
    tell("error", { code: "network" });
  } finally {
    busy = false;
  }
}

async function tokenise() {
  const expiry = value("expiry");
  const answer = await fetch(form.dataset.tokenUrl, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({
      number: value("number"),
      exp_month: Number(expiry.slice(0, 2)),
      exp_year: 2000 + Number(expiry.slice(2)),
      cvc: value("cvc"),
    }),
    signal: AbortSignal.timeout(15000),
  });
  const told = await answer.json();
  if (answer.ok) {
    tell("token", { token: told.token, brand: told.brand, last4: told.last4 });
    return;
  }
  const code = told.error?.code;
  const name = { invalid_number: "number", invalid_expiry: "expiry", expired_card: "expiry", invalid_cvc: "cvc" }[code];
  if (!name) throw new Error("refused");
  showFault(name, code);
  fields[name].input.focus();
  tell("error", { code });
}

function speak(wanted) {
  locale = wanted === "ko" ? "ko" : "en";
  document.documentElement.lang = locale;
  document.title = say("form_title");
  for (const element of document.querySelectorAll("[data-text]")) element.textContent = say(element.dataset.text);
  for (const element of document.querySelectorAll("[data-label]")) element.setAttribute("aria-label", say(element.dataset.label));
  for (const name of Object.keys(fields)) if (fields[name].fault) showFault(name, fields[name].fault);
  showFormFault(formError.dataset.code || null);
}

window.addEventListener("message", (event) => {
  if (event.source !== window.parent || event.origin !== parentOrigin) return;
  if (event.data?.tollgate !== 1) return;
  if (event.data.type === "submit") submit();
  if (event.data.type === "locale") speak(event.data.locale);
  if (event.data.type === "focus") {
    const name = Object.keys(fields).find((each) => faultOf(each) !== null) ?? "number";
    fields[name].input.focus();
  }
});

const height = () => Math.ceil(frame.getBoundingClientRect().height);
let told = height();
new ResizeObserver(() => {
  if (height() === told) return;
  told = height();
  tell("resize", { height: told });
}).observe(frame);

// A browser that restores or fills the fields before this script ran fires no input event for them.
for (const name of Object.keys(fields)) if (fields[name].input.value !== "") reformat(name);
badge.textContent = brand().label;
tell("ready", { height: told });
tellState();
