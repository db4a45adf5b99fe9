// The shopper's page. It knows one thing for sure: only the server knows how a payment stands.
// So every doubt (reload, back button, another tab, lost network) ends in the same question, `ask`,
// and a card is sent again only after the server has said that nothing is under way.
"use strict";
(() => {
  const $ = (id) => document.getElementById(id);
  const data = document.body.dataset;
  const payable = ["ready", "declined"];
  const moving = ["processing", "action_required", "unknown"];
  const settled = ["succeeded", "already_paid", "expired", "returned", "canceled"];
  const fieldFaults = ["incomplete", "invalid_number", "invalid_expiry", "expired_card", "invalid_cvc"];
  const flag = `tollgate-paying-${data.session}`;
  const alertBox = $("alert"), live = $("live"), button = $("submit"), dialog = $("challenge");
  const words = $("words").content;
  const word = (name) => words.querySelector(`[data-word="${name}"]`)?.textContent ?? "";

  const title = document.title;

  let token = data.pageToken;
  let state = data.state;
  let tries = null;          // how many cards the server has seen; tells a new refusal from an old one
  let doubt = null;          // set while we cannot tell whether our confirm arrived
  let busy = false;
  let form = null;           // { frame, origin, ready }
  let challenge = null;      // { frame, origin, url, done }
  let noted = "";
  let timer = 0, round = 0, waitingSince = 0;
  let alertUntil = 0;        // another tab said that something is going on: look closely for a while
  const tabs = "BroadcastChannel" in window ? new BroadcastChannel(flag) : null;

  // ---- talking to the server -------------------------------------------------------------------

  async function call(method, path, payload, again = true) {
    const answer = await fetch(data.base + path, {
      method,
      cache: "no-store",
      credentials: "omit",
      headers: { Authorization: `Bearer ${token}`, Accept: "application/json", ...(payload ? { "Content-Type": "application/json" } : {}) },
      body: payload ? JSON.stringify(payload) : undefined,
      signal: AbortSignal.timeout(45000),
    });
    if (answer.status === 401 && again) {
      await renew();
      return call(method, path, payload, false);
    }
    const json = await answer.json().catch(() => ({}));
    if (!answer.ok) throw Object.assign(new Error("refused"), { status: answer.status, problem: json });
    if (json.page_token) token = json.page_token;
    return json;
  }

  // The page token lives 15 minutes. A page left open longer takes a fresh one from itself,
  // so that a card half typed is not lost.
  async function renew() {
    const page = await fetch(`${data.base}?locale=${data.locale}`, { cache: "no-store", credentials: "omit" });
    if (page.status === 404) location.reload();
    const found = /data-page-token="([^"]+)"/.exec(await page.text());
    if (!page.ok || !found) throw new Error("no fresh page token");
    token = found[1];
  }

  async function ask() {
    clearTimeout(timer);
    try {
      const answer = await call("GET", "/status");
      if (noted === "offline") note("");
      apply(answer);
    } catch (error) {
      if (settled.includes(state)) return;
      if (moving.includes(state)) note("offline");
      later();
    }
  }

  // Quick at first, then patient; a page nobody looks at asks rarely.
  function later() {
    clearTimeout(timer);
    if (settled.includes(state)) return;
    const quiet = state === "unreachable" || payable.includes(state) && !doubt && Date.now() > alertUntil;
    const wait = quiet || document.hidden && !doubt ? 30000 : Math.min(5000, 700 + 350 * round++);
    timer = setTimeout(ask, wait + Math.random() * 250);
  }

  function apply(answer) {
    if (answer.redirect_url) data.redirect = answer.redirect_url;
    let next = answer.state;
    if (doubt && payable.includes(next)) {
      // Either the card never arrived, or the server has not begun yet. Only time tells them apart.
      const news = doubt.tries !== null && answer.tries !== undefined && answer.tries !== doubt.tries;
      doubt.since ??= Date.now();
      if (!news && Date.now() - doubt.since < 6000) return later();
      doubt = null;
      forget();
      tries = answer.tries ?? null;
      return reopen(next === "declined" && news ? refusal(answer) : { text: word("not_sent") });
    }
    if (!payable.includes(next)) doubt = null;
    if (next === "succeeded" && !remembered()) next = "already_paid";
    if (next === "action_required" && challenge?.done && challenge.url === answer.challenge_url && Date.now() - challenge.done < 20000) next = "processing";

    const before = state;
    tries = answer.tries ?? null;
    if (payable.includes(next)) {
      if (before === "unreachable" || payable.includes(before)) return later();
      forget();
      reopen(next === "declined" ? refusal(answer) : null);
      return;
    }
    if (next !== before && !moving.includes(next)) closeChallenge();
    show(next);
    if (next === "action_required") offerChallenge(answer.challenge_url);
    if (next === "processing" && Date.now() - waitingSince > 12000) note("slow");
    if (next === "succeeded") leave();
    later();
  }

  const refusal = (answer) => ({ title: word("declined_title"), text: answer.message || word("declined") });

  // ---- what the shopper sees -------------------------------------------------------------------

  function show(next) {
    const changed = state !== next || !panel(next) || panel(next).hidden;
    if (changed) note("");
    state = data.state = next;
    if (!changed) return;
    round = 0;
    waitingSince = Date.now();
    const heading = panel(next)?.querySelector("h2");
    document.title = payable.includes(next) || !heading ? title : `${heading.textContent} · ${title}`;
    for (const section of document.querySelectorAll("[data-panel]")) section.hidden = section !== panel(next);
    for (const link of document.querySelectorAll("[data-return]")) if (data.redirect) link.href = data.redirect;
    if (!dialog.open) heading?.focus();
    if (next !== "ready" && next !== "unreachable") tabs?.postMessage(next);
  }

  const panel = (name) => document.querySelector(`[data-panel="${payable.includes(name) ? "form" : name}"]`);

  // Said once, not with every answer: a screen reader repeats what changes.
  function note(name) {
    if (name === noted) return;
    noted = name;
    const text = name ? word(name) : "";
    const place = panel(state)?.querySelector("[data-note]");
    live.textContent = text;
    if (place) { place.textContent = text; place.hidden = !text; }
  }

  function say(trouble) {
    alertBox.textContent = "";
    if (!trouble) return;
    const box = document.createElement("p");
    box.className = "notice notice-bad";
    if (trouble.title) box.append(Object.assign(document.createElement("strong"), { textContent: trouble.title }), " ");
    box.append(Object.assign(document.createElement("span"), { textContent: trouble.text }));
    alertBox.append(box);
    alertBox.focus();
    alertBox.scrollIntoView({ block: "nearest" });
  }

  // Back to the card form, emptied: what was typed before is gone with the old frame.
  function reopen(trouble) {
    closeChallenge();
    show("ready");
    say(trouble);
    openForm();
    later();
  }

  function leave() {
    if (!data.redirect) return;
    forget(); // before we go: the back button must find "already paid", not be thrown forward again
    setTimeout(() => location.assign(data.redirect), 2200);
  }

  // Remembers, for this tab only, that it was this shopper who pressed Pay (survives a reload).
  function remember() { try { sessionStorage.setItem(flag, "1"); } catch { /* storage may be refused */ } mine = true; }
  function forget() { try { sessionStorage.removeItem(flag); } catch { /* see above */ } mine = state === "succeeded" && mine; }
  let mine = (() => { try { return sessionStorage.getItem(flag) === "1"; } catch { return false; } })();
  const remembered = () => mine;

  // ---- the card form, which is another origin's ------------------------------------------------

  function framed(url, title, place) {
    const address = new URL(url, location.href);
    address.searchParams.set("locale", data.locale);
    address.searchParams.set("parent", location.origin);
    const frame = document.createElement("iframe");
    frame.title = title;
    frame.referrerPolicy = "no-referrer";
    frame.setAttribute("sandbox", "allow-scripts allow-forms allow-same-origin allow-popups");
    frame.src = address.href;
    place.append(frame);
    return { frame, origin: address.origin, url };
  }

  function unlock(on) {
    busy = !on;
    button.disabled = !on;
    button.toggleAttribute("data-busy", !on);
  }

  async function openForm() {
    const card = $("card");
    card.querySelector("iframe")?.remove();
    card.dataset.ready = "false";
    button.disabled = true;
    form = null;
    let opened;
    try {
      opened = await call("POST", "/register", {});
    } catch (error) {
      if (error.status === 409 || error.status === 410) return ask();
      return unreachable();
    }
    if (!opened.form_url) return apply(opened);
    tries = opened.tries ?? tries;
    if (!payable.includes(state)) return;
    const mineForm = form = framed(opened.form_url, word("card_form"), card);
    setTimeout(() => { if (form === mineForm && !form.ready && payable.includes(state)) unreachable(); }, 15000);
  }

  function unreachable() {
    $("card").querySelector("iframe")?.remove();
    form = null;
    show("unreachable");
  }

  function pressed() {
    if (busy || !form?.ready || !payable.includes(state)) return;
    unlock(false);
    say(null);
    send(form, { type: "submit" });
    const asked = form;
    asked.waiting = setTimeout(() => { unlock(true); say({ text: word("network") }); }, 25000);
  }

  const send = (to, message) => to.frame.contentWindow?.postMessage({ tollgate: 1, ...message }, to.origin);

  async function confirm(method) {
    remember();
    const before = tries;
    show("processing");
    try {
      const answer = await call("POST", "/confirm", { payment_method: method });
      unlock(true);
      if (answer.state === "already_paid") forget(); // by another tab: not by this one
      apply(answer);
    } catch (error) {
      unlock(true);
      doubt = { tries: before, since: null };
      if (!error.status) note("offline");
      later();
    }
  }

  const height = (value) => Math.min(1200, Math.max(80, Math.ceil(Number(value) || 0)));

  function heardForm(message) {
    if (message.type === "ready" && !form.ready) {
      form.ready = true;
      form.frame.style.height = `${height(message.height)}px`;
      $("card").dataset.ready = "true";
      unlock(true);
    } else if (message.type === "ready" || message.type === "resize") {
      form.frame.style.height = `${height(message.height)}px`;
    } else if (message.type === "submit") {
      pressed();
    } else if (busy && payable.includes(state) && message.type === "token" && typeof message.token === "string") {
      clearTimeout(form.waiting);
      confirm(message.token);
    } else if (busy && payable.includes(state) && message.type === "error") {
      clearTimeout(form.waiting);
      unlock(true);
      // The form says itself what is wrong with a field, beside it; the focus must follow there.
      if (fieldFaults.includes(message.code)) {
        form.frame.focus();
        return send(form, { type: "focus" });
      }
      say({ text: word(message.code === "network" ? "network" : "check_entry") });
    }
  }

  // ---- 3-D Secure, the card company's own page -------------------------------------------------

  function offerChallenge(url) {
    if (!url || challenge?.url === url && !challenge.done) return;
    challenge?.frame.remove();
    challenge = { ...framed(url, $("challenge-title").textContent, $("challenge-frame")), done: 0 };
    openChallenge();
  }

  function openChallenge() {
    if (!challenge) return ask();
    if (!dialog.open) dialog.showModal();
    challenge.frame.focus();
  }

  function closeChallenge() {
    if (dialog.open) dialog.close();
    challenge?.frame.remove();
    challenge = null;
  }

  function heardChallenge(message) {
    if (message.type !== "challenge_complete") return;
    challenge.done = Date.now();
    if (dialog.open) dialog.close();
    show("processing");
    ask();
  }

  // ---- events ----------------------------------------------------------------------------------

  addEventListener("message", (event) => {
    const message = event.data;
    if (!message || message.tollgate !== 1 || typeof message.type !== "string") return;
    for (const [speaker, heard] of [[form, heardForm], [challenge, heardChallenge]]) {
      if (speaker && event.source === speaker.frame.contentWindow && event.origin === speaker.origin) return heard(message);
    }
  });

  button.addEventListener("click", pressed);
  $("retry").addEventListener("click", () => { show("ready"); say(null); openForm(); later(); });
  $("challenge-open").addEventListener("click", openChallenge);
  $("challenge-other").addEventListener("click", () => {
    show("processing");
    call("POST", "/abandon", {}).then(apply, () => { note("offline"); later(); });
  });
  $("challenge-close").addEventListener("click", () => dialog.close());
  dialog.addEventListener("close", () => panel(state)?.querySelector("h2")?.focus());

  $("fold").addEventListener("click", (event) => {
    const fold = event.currentTarget;
    fold.setAttribute("aria-expanded", String(fold.getAttribute("aria-expanded") !== "true"));
  });

  for (const link of [$("cancel"), $("back")]) {
    link?.addEventListener("click", async (event) => {
      if (!payable.includes(state)) return; // the plain link does: whatever is under way goes on by itself
      event.preventDefault();
      if (busy) return say({ text: word("cancel_busy") });
      const answer = await call("POST", "/cancel", {}).catch((error) => error);
      if (answer.status === 409) return ask();
      location.assign(answer.redirect_url || link.href);
    });
  }

  // A page brought back by the back button is as old as it was left: ask before anything else.
  addEventListener("pageshow", (event) => { if (event.persisted) { unlock(true); ask(); } });
  addEventListener("online", () => { if (!settled.includes(state)) ask(); });
  document.addEventListener("visibilitychange", () => { if (!document.hidden && !busy && !settled.includes(state)) ask(); });
  tabs?.addEventListener("message", () => {
    if (busy || settled.includes(state)) return;
    alertUntil = Date.now() + 8000;
    round = 0;
    ask();
  });

  const expiry = Number(data.expires) * 1000 - Date.now();
  if (expiry > 0 && expiry < 2 ** 31) setTimeout(() => { if (payable.includes(state) && !busy) ask(); }, expiry + 1500);

  // ---- start -----------------------------------------------------------------------------------

  if (state === "succeeded" || state === "already_paid") {
    if (remembered()) { show("succeeded"); leave(); }
  } else if (payable.includes(state) && remembered()) {
    doubt = { tries: null, since: null }; // reloaded in the middle of paying
    show("processing");
    ask();
  } else if (payable.includes(state)) {
    if (alertBox.textContent.trim()) alertBox.focus();
    openForm();
    later();
  } else if (moving.includes(state)) {
    waitingSince = Date.now();
    if (state === "action_required") offerChallenge(data.challenge);
    ask();
  }
})();
