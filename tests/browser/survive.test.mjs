// What the page survives: impatience, two tabs, the back button, a lost network.
import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import { startDemo } from "./demo.mjs";
import { assertAccessible, cards, panel, pay, picture, shopper, shows, startBrowser, typeCard } from "./shopper.mjs";

describe("surviving", { timeout: 600_000 }, () => {
  let demo, browser;
  before(async () => { [demo, browser] = await Promise.all([startDemo(), startBrowser()]); });
  after(async () => { await browser?.close(); await demo?.stop(); });

  async function open(options, wanted) {
    const who = await shopper(browser, options);
    const page = await who.page();
    const session = await demo.checkout(wanted);
    await page.goto(session.url);
    return { who, page, session };
  }

  async function assertPaidOnce(session) {
    const payment = await demo.payment(session);
    assert.equal(payment.status, "succeeded");
    assert.equal(payment.captured ?? payment.amount, payment.amount);
    assert.equal(payment.attempts.filter((attempt) => /approved|succeeded/.test(attempt.outcome ?? attempt.state ?? attempt.status)).length, 1);
  }

  it("a double click pays once", async () => {
    const { who, page, session } = await open();
    await typeCard(page, cards.approved);
    await page.locator("#submit").dblclick();
    await shows(page, "succeeded");
    assert.equal((await demo.payment(session)).attempts.length, 1);
    await assertPaidOnce(session);
    who.assertQuiet();
    await who.close();
  });

  it("a reload while processing finds the payment again", async () => {
    const { who, page, session } = await open();
    await pay(page, cards.slow);
    await shows(page, "processing");
    await page.reload();
    await shows(page, "processing");
    await panel(page, "succeeded").waitFor({ timeout: 40_000 });
    await assertPaidOnce(session);
    assert.equal((await demo.payment(session)).attempts.length, 1);
    await who.close();
  });

  it("two tabs: what one paid, the other cannot pay again", async () => {
    const { who, page, session } = await open();
    const other = await who.page();
    await other.goto(session.url);
    await typeCard(other, cards.approved);
    await pay(page, cards.approved);
    await shows(page, "succeeded");
    await other.bringToFront();
    // It heard of it, or hears of it now that it tries.
    const submit = other.locator("#submit");
    if (await submit.isVisible()) await submit.click({ timeout: 3000 }).catch(() => {});
    await shows(other, "already_paid");
    await picture(other, "already-paid-desktop-en");
    await assertAccessible(other, "already paid");
    assert.equal((await demo.payment(session)).attempts.length, 1);
    await assertPaidOnce(session);
    await who.close();
  });

  it("two tabs that pay at the same moment charge once", async () => {
    const { who, page, session } = await open();
    const second = await shopper(browser);
    const other = await second.page();
    await other.goto(session.url);
    await typeCard(page, cards.approved);
    await typeCard(other, cards.approved);
    await Promise.all([page.locator("#submit").click(), other.locator("#submit").click()]);
    // Looked at together: a tab that is paid soon leaves for the shop, and may have left before the other one is done.
    const told = '[data-panel="succeeded"]:visible, [data-panel="already_paid"]:visible';
    const paid = (tab) => Promise.any([tab.locator(told).first().waitFor(), tab.waitForURL(`${demo.shop}/**`)]);
    await Promise.all([page, other].map(paid));
    await assertPaidOnce(session);
    await who.close();
    await second.close();
  });

  it("the back button after success says that it is paid", async () => {
    const { who, page, session } = await open();
    await pay(page, cards.approved);
    await page.waitForURL(`${demo.shop}/**`);
    await page.goBack();
    await page.locator('[data-panel="already_paid"]:visible, [data-panel="succeeded"]:visible').first().waitFor();
    assert.equal(await panel(page, "form").isVisible(), false);
    await assertPaidOnce(session);
    await who.close();
  });

  it("a network lost in the middle of paying is waited for, and nothing is charged twice", async () => {
    const { who, page, session } = await open();
    await typeCard(page, cards.approved);
    // The confirm call leaves, and its answer never comes back.
    await page.route("**/confirm", async (route) => {
      await fetch(route.request().url(), {
        method: "POST",
        headers: await route.request().allHeaders(),
        body: route.request().postData(),
      });
      await who.context.setOffline(true);
      await route.abort("connectionreset");
    });
    await page.locator("#submit").click();
    await panel(page, "processing").locator("[data-note]:not([hidden])").waitFor();
    await picture(page, "offline-desktop-en");
    await page.waitForTimeout(1500);
    assert.equal(await panel(page, "form").isVisible(), false, "no second card while we cannot know");
    await who.context.setOffline(false);
    await page.locator('[data-panel="succeeded"]:visible, [data-panel="already_paid"]:visible').first().waitFor({ timeout: 30_000 });
    await assertPaidOnce(session);
    assert.equal((await demo.payment(session)).attempts.length, 1);
    await who.close();
  });

  it("a network lost before anything was sent lets the shopper pay later", async () => {
    const { who, page, session } = await open();
    await typeCard(page, cards.approved);
    await page.route("**/confirm", (route) => route.abort("connectionreset"), { times: 1 });
    await page.locator("#submit").click();
    await page.locator("#alert .notice").waitFor({ timeout: 30_000 });
    await pay(page, cards.approved);
    await shows(page, "succeeded");
    assert.equal((await demo.payment(session)).attempts.length, 1);
    await who.close();
  });

  it("a PSP that cannot be reached is said, and can be tried again", async () => {
    await demo.fault({ kind: "error_500", operation: "register" });
    const { who, page } = await open();
    await panel(page, "unreachable").waitFor({ timeout: 40_000 });
    await picture(page, "unreachable-desktop-en");
    await assertAccessible(page, "the PSP cannot be reached");
    await demo.clearFaults();
    await page.locator("#retry").click();
    await pay(page, cards.approved);
    await shows(page, "succeeded");
    await who.close();
  });

  it("an expired session says so, in a page that was open and in one opened later", async () => {
    const { who, page, session } = await open();
    await shows(page, "form");
    await demo.api("POST", `/v1/checkout/sessions/${session.id}/expire`);
    await pay(page, cards.approved);
    await shows(page, "expired");
    const later = await who.page();
    await later.goto(session.url);
    await shows(later, "expired");
    await picture(later, "expired-desktop-en");
    await assertAccessible(later, "expired");
    assert.equal((await demo.payment(session)).attempts.length, 0);
    await who.close();
  });

  it("a shopper who leaves comes back to the shop, and may still change their mind", async () => {
    const { who, page, session } = await open();
    await shows(page, "form");
    await page.locator("#cancel").click();
    await page.waitForURL(`${demo.shop}/?left=1`);
    await page.goto(session.url);
    await pay(page, cards.approved);
    await shows(page, "succeeded");
    await assertPaidOnce(session);
    await who.close();
  });

  it("a cancelled payment says so", async () => {
    // No call of this version cancels a payment; this is the page's answer to a server that says it is.
    const who = await shopper(browser);
    const page = await who.page();
    const session = await demo.checkout();
    await page.route("**/register", (route) => route.fulfill({ json: { state: "canceled", form_url: null } }));
    await page.goto(session.url);
    await shows(page, "canceled");
    assert.equal(await panel(page, "form").isVisible(), false);
    await picture(page, "canceled-desktop-en");
    await assertAccessible(page, "cancelled");
    await who.close();
  });

  it("an address that nobody was given is a page, not an error", async () => {
    const who = await shopper(browser);
    const page = await who.page();
    const answer = await page.goto(`${demo.gateway}/pay/nobody-was-given-this`);
    assert.equal(answer.status(), 404);
    await page.locator("h1").waitFor();
    await picture(page, "not-found-desktop-en");
    await assertAccessible(page, "no such checkout");
    await who.close();
  });
});
