// What a shopper meets while paying, on the page that `tollgate demo` serves.
import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import { startDemo } from "./demo.mjs";
import { assertAccessible, cards, form, panel, pay, picture, shopper, shows, startBrowser, typeCard } from "./shopper.mjs";

describe("paying", { timeout: 600_000 }, () => {
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

  it("goes from the shop to the paid page", async () => {
    const who = await shopper(browser);
    const page = await who.page();
    await page.goto(demo.shop);
    await picture(page, "shop");
    await assertAccessible(page, "the shop");
    await page.locator("#buy-all").click();
    await shows(page, "form");
    await typeCard(page, cards.approved);
    await picture(page, "checkout-desktop-en");
    await assertAccessible(page, "the page with a card typed in");
    await page.locator("#submit").click();
    await shows(page, "succeeded");
    await picture(page, "succeeded-desktop-en");
    await assertAccessible(page, "the paid page");
    await page.waitForURL(`${demo.shop}/thanks**`);
    await page.locator("#state.paid").waitFor();
    assert.match(await page.locator(".heard").innerText(), /payment\.succeeded/);
    await picture(page, "shop-thanks");
    await assertAccessible(page, "the shop's thanks");
    who.assertQuiet();
    await who.close();
  });

  it("says why a card was declined and takes another in the same session", async () => {
    const { who, page, session } = await open();
    await pay(page, cards.insufficient);
    const alert = page.locator("#alert .notice");
    await alert.waitFor();
    assert.match(await alert.innerText(), /not enough|insufficient|funds|balance/i);
    assert.equal(await page.evaluate(() => document.activeElement?.closest("#alert") !== null), true, "focus is at the reason");
    await picture(page, "declined-desktop-en");
    await assertAccessible(page, "declined");
    await pay(page, cards.approved);
    await shows(page, "succeeded");
    const payment = await demo.payment(session);
    assert.equal(payment.status, "succeeded");
    assert.equal(payment.attempts.length, 2);
    who.assertQuiet();
    await who.close();
  });

  it("passes 3-D Secure on the card company's own page", async () => {
    const { who, page, session } = await open();
    await pay(page, cards.threeDSecure);
    const challenge = page.frameLocator("#challenge-frame iframe");
    await challenge.locator('[data-outcome="approve"]').waitFor();
    await picture(page, "three-d-secure-desktop-en");
    await assertAccessible(page, "3-D Secure");
    await challenge.locator('[data-outcome="approve"]').click();
    await shows(page, "succeeded");
    assert.equal((await demo.payment(session)).status, "succeeded");
    who.assertQuiet();
    await who.close();
  });

  it("fails 3-D Secure, says so, and takes another card", async () => {
    const { who, page, session } = await open();
    await pay(page, cards.threeDSecure);
    await page.frameLocator("#challenge-frame iframe").locator('[data-outcome="fail"]').click();
    await page.locator("#alert .notice").waitFor();
    assert.notEqual((await demo.payment(session)).status, "succeeded");
    await pay(page, cards.approved);
    await shows(page, "succeeded");
    who.assertQuiet();
    await who.close();
  });

  it("lets a shopper leave the 3-D Secure page and use another card", async () => {
    const { who, page } = await open();
    await pay(page, cards.threeDSecure);
    await page.frameLocator("#challenge-frame iframe").locator('[data-outcome="approve"]').waitFor();
    await page.locator("#challenge-close").click();
    await shows(page, "action_required");
    await picture(page, "three-d-secure-aside-desktop-en");
    await assertAccessible(page, "3-D Secure put aside");
    await page.locator("#challenge-other").click();
    await shows(page, "form");
    await pay(page, cards.approved);
    await shows(page, "succeeded");
    who.assertQuiet();
    await who.close();
  });

  it("says that it does not know yet, blocks a second payment, and then tells", async () => {
    // The PSP acts, its answer is lost, its webhook comes late, and at first it cannot even be asked.
    await demo.fault({ kind: "late_webhook", delay_ms: 9000, count: 1, operation: "confirm" });
    await demo.fault({ kind: "error_500", count: 3, operation: "lookup" });
    const { who, page, session } = await open();
    await pay(page, cards.answerLost);
    await shows(page, "unknown");
    assert.equal(await panel(page, "form").isVisible(), false, "no second card while the first may have been charged");
    await picture(page, "unknown-desktop-en");
    await assertAccessible(page, "unknown");
    // The same in a second tab, opened by a shopper who lost patience.
    const second = await who.page();
    await second.goto(session.url);
    assert.equal(await panel(second, "form").isVisible(), false);
    await second.close();
    await panel(page, "succeeded").waitFor({ timeout: 60_000 });
    const payment = await demo.payment(session);
    assert.equal(payment.status, "succeeded");
    assert.equal(payment.attempts.length, 1);
    await demo.clearFaults();
    who.assertQuiet();
    await who.close();
  });

  it("waits with the shopper for a slow card", async () => {
    const { who, page } = await open();
    await pay(page, cards.slow);
    await shows(page, "processing");
    await picture(page, "processing-desktop-en");
    await assertAccessible(page, "processing");
    await panel(page, "succeeded").waitFor({ timeout: 40_000 });
    who.assertQuiet();
    await who.close();
  });

  it("hears of a card whose answer comes by webhook only", async () => {
    const { who, page } = await open();
    await pay(page, cards.pending);
    await panel(page, "succeeded").waitFor({ timeout: 40_000 });
    who.assertQuiet();
    await who.close();
  });

  it("sends nothing while the card is not complete, and says what is missing", async () => {
    const { who, page, session } = await open();
    await typeCard(page, "4242424242424241");
    await page.locator("#submit").click();
    await form(page).locator("#number-error:not(:empty)").waitFor();
    // Said beside the field, by the form; the focus follows there, so that one can type on at once.
    assert.equal(await page.evaluate(() => document.activeElement?.tagName), "IFRAME");
    assert.ok(await form(page).locator("#number").evaluate((field) => field === document.activeElement));
    assert.equal(await form(page).locator("#number").getAttribute("aria-invalid"), "true");
    assert.ok(await page.locator("#submit").isEnabled());
    await picture(page, "mistyped-desktop-en");
    await assertAccessible(page, "a mistyped card");
    assert.equal((await demo.payment(session)).attempts.length, 0);
    who.assertQuiet();
    await who.close();
  });

  it("never lets the card number out of the PSP's frame", async () => {
    const { who, page } = await open();
    const leaks = [];
    page.on("request", (request) => {
      const said = `${request.url()} ${request.postData() ?? ""}`.replaceAll(/[\s+-]|%20/g, "");
      if (said.includes(cards.approved) && new URL(request.url()).origin !== new URL(demo.psp).origin) leaks.push(request.url());
    });
    await pay(page, cards.approved);
    await shows(page, "succeeded");
    assert.deepEqual(leaks, []);
    assert.ok(!(await page.content()).includes(cards.approved));
    assert.ok(!demo.log().includes(cards.approved));
    who.assertQuiet();
    await who.close();
  });
});
