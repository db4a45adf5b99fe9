// The page in both languages, on a phone and on a desktop, in light and dark, by keyboard alone.
import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import { startDemo } from "./demo.mjs";
import { assertAccessible, assertFits, cards, desktop, form, pay, phone, picture, shopper, shows, startBrowser, typeCard } from "./shopper.mjs";

describe("looks", { timeout: 600_000 }, () => {
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

  const sizes = [["desktop", desktop], ["phone", phone]];
  const languages = [["ko", "ko-KR"], ["en", "en-US"]];
  for (const [size, viewport] of sizes) {
    for (const [language, locale] of languages) {
      for (const colorScheme of ["light", "dark"]) {
        it(`${size}, ${language}, ${colorScheme}`, async () => {
          const { who, page } = await open({ viewport, locale, colorScheme });
          assert.equal(await page.getAttribute("html", "lang"), language);
          await form(page).locator("#number").waitFor();
          assert.equal(await form(page).locator("html").getAttribute("lang"), language, "the card form speaks it too");
          await picture(page, `form-${size}-${language}-${colorScheme}`);
          await assertFits(page, "the form");
          await assertAccessible(page, "the form");
          await pay(page, cards.declined);
          await page.locator("#alert .notice").waitFor();
          await picture(page, `declined-${size}-${language}-${colorScheme}`);
          await assertFits(page, "declined");
          await assertAccessible(page, "declined");
          await pay(page, cards.threeDSecure);
          await page.frameLocator("#challenge-frame iframe").locator('[data-outcome="approve"]').waitFor();
          await picture(page, `three-d-secure-${size}-${language}-${colorScheme}`);
          await assertFits(page, "3-D Secure");
          await assertAccessible(page, "3-D Secure");
          await page.frameLocator("#challenge-frame iframe").locator('[data-outcome="approve"]').click();
          await shows(page, "succeeded");
          await picture(page, `succeeded-${size}-${language}-${colorScheme}`);
          await assertFits(page, "succeeded");
          await assertAccessible(page, "succeeded");
          who.assertQuiet();
          await who.close();
        });
      }
    }
  }

  it("the language switch changes the page and the card form, and stays", async () => {
    const { who, page } = await open({ locale: "ko-KR" });
    assert.match(await page.locator("#submit-text").innerText(), /결제/);
    await page.getByRole("link", { name: "English" }).click();
    await page.waitForURL(/locale=en/);
    assert.equal(await page.getAttribute("html", "lang"), "en");
    assert.match(await page.locator("#submit-text").innerText(), /Pay/);
    await form(page).locator("html[lang=en]").waitFor();
    await pay(page, cards.declined);
    await page.locator("#alert .notice").waitFor();
    assert.doesNotMatch(await page.locator("#alert").innerText(), /[가-힣]/);
    await page.getByRole("link", { name: "한국어" }).click();
    await page.waitForURL(/locale=ko/);
    assert.match(await page.locator("#alert").innerText(), /[가-힣]/);
    who.assertQuiet();
    await who.close();
  });

  it("a merchant's choice of language comes before the browser's", async () => {
    const { who, page } = await open({ locale: "en-US" }, { locale: "ko" });
    assert.equal(await page.getAttribute("html", "lang"), "ko");
    await who.close();
  });

  it("can be paid with the keyboard alone", async () => {
    const { who, page } = await open();
    await form(page).locator("#number").waitFor();
    // From the top of the page, as someone who cannot use a pointer arrives.
    let inForm = false;
    for (let tabs = 0; tabs < 15 && !inForm; tabs++) {
      await page.keyboard.press("Tab");
      inForm = await page.evaluate(() => document.activeElement?.tagName === "IFRAME");
    }
    assert.ok(inForm, "Tab reaches the card form");
    await page.keyboard.type(cards.declined);
    await page.keyboard.press("Tab");
    await page.keyboard.type("1234");
    await page.keyboard.press("Tab");
    await page.keyboard.type("123");
    await page.keyboard.press("Enter");
    await page.locator("#alert .notice").waitFor();
    assert.ok(await page.evaluate(() => document.activeElement?.closest("#alert")), "focus comes to the reason");
    await form(page).locator("#number").waitFor();
    await page.locator("#submit:not([disabled])").waitFor();
    for (let tabs = 0, there = false; tabs < 5 && !there; tabs++) {
      await page.keyboard.press("Tab");
      there = await page.evaluate(() => document.activeElement?.tagName === "IFRAME");
    }
    await page.keyboard.type(cards.threeDSecure);
    await page.keyboard.press("Tab");
    await page.keyboard.type("1234");
    await page.keyboard.press("Tab");
    await page.keyboard.type("123");
    await page.keyboard.press("Tab");
    assert.equal(await page.evaluate(() => document.activeElement?.id), "submit");
    await page.keyboard.press("Space");
    const challenge = page.frameLocator("#challenge-frame iframe");
    await challenge.locator('[data-outcome="approve"]').waitFor();
    for (let tabs = 0; tabs < 8; tabs++) {
      if (await challenge.locator('[data-outcome="approve"]').evaluate((button) => button === document.activeElement)) break;
      await page.keyboard.press("Tab");
    }
    await page.keyboard.press("Enter");
    await shows(page, "succeeded");
    assert.ok(await page.evaluate(() => document.activeElement?.id === "succeeded-title"), "focus comes to the result");
    who.assertQuiet();
    await who.close();
  });

  it("reads brand, groups and length of a card while it is typed", async () => {
    const { who, page } = await open();
    await typeCard(page, cards.amex);
    assert.equal(await form(page).locator("#number").inputValue(), "3782 822463 10005");
    assert.match(await form(page).locator("#brand").innerText(), /amex|american/i);
    assert.match(await form(page).locator("#expiry").inputValue(), /^12 ?\/ ?34$/);
    who.assertQuiet();
    await who.close();
  });

  it("says no to a script, a frame and a form that are not ours", async () => {
    const { who, page, session } = await open();
    const policy = (await page.goto(session.url)).headers()["content-security-policy"];
    assert.ok(policy, "there is a Content-Security-Policy");
    assert.doesNotMatch(policy, /unsafe-inline|unsafe-eval|\*/);
    await page.evaluate(() => {
      const script = document.createElement("script");
      script.textContent = "globalThis.broken = true";
      document.body.append(script);
    });
    assert.equal(await page.evaluate(() => globalThis.broken), undefined);
    await who.close();
  });

  it("tells a browser without scripts what it needs", async () => {
    const { who, page } = await open({ javaScriptEnabled: false });
    assert.ok(await page.locator("noscript p, .notice").first().isVisible());
    await picture(page, "no-script-desktop-en");
    await who.close();
  });
});
