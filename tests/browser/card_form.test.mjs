// The stand-in PSP's card form and challenge, framed in the page as shoppers meet them.
import assert from "node:assert/strict";
import { createServer } from "node:http";
import { after, before, describe, it } from "node:test";
import { startDemo } from "./demo.mjs";
import { assertAccessible, cards, form, panel, pay, picture, shopper, shows, startBrowser } from "./shopper.mjs";

describe("the card form", { timeout: 600_000 }, () => {
  let demo, browser;
  before(async () => { [demo, browser] = await Promise.all([startDemo(), startBrowser()]); });
  after(async () => { await browser?.close(); await demo?.stop(); });

  async function open(options) {
    const who = await shopper(browser, options);
    const page = await who.page();
    const session = await demo.checkout();
    await page.goto(session.url);
    await shows(page, "form");
    const frame = form(page);
    await frame.locator("#number").waitFor();
    return { who, page, frame, number: frame.locator("#number"), expiry: frame.locator("#expiry"), cvc: frame.locator("#cvc") };
  }

  const caret = (input) => input.evaluate((element) => element.selectionStart);
  const place = (input, at) => input.evaluate((element, where) => { element.focus(); element.setSelectionRange(where, where); }, at);

  it("groups digits as they are typed and keeps the caret where the shopper works", async () => {
    const { who, page, number } = await open();
    await number.pressSequentially("4242424242424242999999");
    assert.equal(await number.inputValue(), "4242 4242 4242 4242 999");
    await number.fill("4242424242424242");

    await place(number, 7);
    await page.keyboard.press("Backspace");
    assert.deepEqual([await number.inputValue(), await caret(number)], ["4242 4424 2424 242", 6]);
    await page.keyboard.type("2");
    assert.deepEqual([await number.inputValue(), await caret(number)], ["4242 4242 4242 4242", 7]);

    await place(number, 5);
    await page.keyboard.press("Backspace");
    assert.equal(await number.inputValue(), "4244 2424 2424 242", "a deleted gap takes the digit before it");
    await page.keyboard.type("2");
    await place(number, 4);
    await page.keyboard.press("Delete");
    assert.equal(await number.inputValue(), "4242 2424 2424 242", "or the digit after it");
    who.assertQuiet();
    await who.close();
  });

  it("knows the brand, the length and the code of each scheme", async () => {
    const { who, frame, number, cvc } = await open();
    for (const [digits, shown, brand] of [
      ["378282246310005", "3782 822463 10005", "AMEX"],
      ["30569309025904", "3056 930902 5904", "DINERS"],
      ["5555-5555-5555-4444", "5555 5555 5555 4444", "MASTERCARD"],
      ["6205500000000000004", "6205 5000 0000 0000 004", "UNIONPAY"],
      ["3566002020360505", "3566 0020 2036 0505", "JCB"],
      ["6011 1111 1111 1117", "6011 1111 1111 1117", "DISCOVER"],
      ["9410123400000001", "9410 1234 0000 0001", "국내"],
    ]) {
      await number.fill(digits);
      assert.deepEqual([await number.inputValue(), await frame.locator("#brand").innerText()], [shown, brand]);
      assert.equal(await cvc.getAttribute("placeholder"), brand === "AMEX" ? "1234" : "123");
    }
    await who.close();
  });

  it("understands dates in the ways people write and paste them", async () => {
    const { who, page, expiry } = await open();
    for (const [written, understood] of [
      ["1234", "12 / 34"], ["530", "05 / 30"], ["5/30", "05 / 30"], ["1/30", "01 / 30"], ["12/30", "12 / 30"], ["12-30", "12 / 30"],
    ]) {
      await expiry.fill("");
      await expiry.pressSequentially(written);
      assert.equal(await expiry.inputValue(), understood, `typed ${written}`);
    }
    for (const [pasted, understood] of [["12/2030", "12 / 30"], ["1 / 31", "01 / 31"], ["122030", "12 / 30"]]) {
      await expiry.fill(pasted);
      assert.equal(await expiry.inputValue(), understood, `pasted ${pasted}`);
    }
    await expiry.fill("1234");
    await expiry.focus();
    await page.keyboard.press("End");
    for (let n = 0; n < 7; n += 1) await page.keyboard.press("Backspace");
    assert.equal(await expiry.inputValue(), "", "it can be deleted again");
    await who.close();
  });

  it("says beside each field what is wrong, in both languages, and moves the focus there", async () => {
    const { who, page, frame, number, expiry, cvc } = await open({ viewport: { width: 360, height: 740 } });
    await page.locator("#submit").click();
    await frame.locator("#number[aria-invalid=true]").waitFor();
    assert.equal(await number.evaluate((element) => document.activeElement === element), true);
    assert.match(await number.evaluate((element) => document.getElementById(element.getAttribute("aria-describedby")).textContent), /card number/);

    await number.fill("4242424242424241");
    await expiry.fill("0120");
    await cvc.fill("12");
    await number.focus();
    await page.locator("#submit").click();
    for (const [id, told] of [["number", /not valid/], ["expiry", /expired/], ["cvc", /not complete/]]) {
      assert.match(await frame.locator(`#${id}-error`).innerText(), told);
      assert.equal(await frame.locator(`#${id}`).getAttribute("aria-invalid"), "true");
    }
    await assertAccessible(page, "a card form with mistakes");
    await picture(page, "card-form-mistakes-phone-en");

    await number.fill("4242424242424242");
    assert.equal(await number.getAttribute("aria-invalid"), null, "a mended field is not scolded");
    await who.close();

    const korean = await open({ locale: "ko-KR" });
    await korean.page.locator("#submit").click();
    assert.equal(await korean.frame.locator("#number-error").innerText(), "카드 번호를 입력해 주세요.");
    await korean.who.close();
  });

  it("fits a frame of 320 pixels, light and dark", async () => {
    for (const colorScheme of ["light", "dark"]) {
      const { who, page, frame, number } = await open({ viewport: { width: 320, height: 700 }, colorScheme, locale: "ko-KR" });
      await number.fill("5555555555554444");
      await frame.locator("#cvc").focus();
      const [content, room, tall, high] = await number.evaluate(() => {
        const root = document.documentElement;
        return [root.scrollWidth, innerWidth, root.scrollHeight, innerHeight];
      });
      assert.ok(content <= room, `${content} px wide in ${room} px`);
      assert.ok(tall <= high, `${tall} px tall in ${high} px`);
      await assertAccessible(page, `the form at 320 px, ${colorScheme}`);
      await picture(page, `card-form-320-${colorScheme}-ko`);
      await who.close();
    }
  });

  it("pays on Enter in a field", async () => {
    const { who, page, number, expiry, cvc } = await open();
    await number.fill(cards.approved);
    await expiry.fill("12/34");
    await cvc.fill("123");
    await cvc.press("Enter");
    await shows(page, "succeeded");
    who.assertQuiet();
    await who.close();
  });

  it("is not shown, and tells nothing, inside a stranger's page", async () => {
    const { who, page } = await open();
    const url = await page.locator("#card iframe").getAttribute("src");
    const stranger = createServer((_, answer) => {
      answer.setHeader("content-type", "text/html");
      answer.end(`<title>stranger</title><script>heard = []; addEventListener("message", (event) => heard.push(event.data))</script><iframe src="${url.replaceAll("&", "&amp;")}"></iframe>`);
    }).listen(0, "127.0.0.1");
    await new Promise((resolve) => stranger.once("listening", resolve));
    const other = await who.page();
    await other.goto(`http://127.0.0.1:${stranger.address().port}/`);
    await other.waitForLoadState("networkidle");
    assert.deepEqual(await other.evaluate("heard"), []);
    assert.equal(await other.frameLocator("iframe").locator("#number").count(), 0);
    stranger.close();
    await who.close();
  });

  it("shows the challenge in both colours, readable by everybody", async () => {
    for (const [colorScheme, locale] of [["light", "en-US"], ["dark", "ko-KR"]]) {
      const { who, page } = await open({ colorScheme, locale, viewport: { width: 360, height: 740 } });
      await pay(page, cards.threeDSecure);
      const challenge = page.frameLocator("#challenge-frame iframe");
      await challenge.locator("[data-outcome=approve]").waitFor();
      await assertAccessible(page, `the challenge, ${colorScheme}`);
      await picture(page, `challenge-phone-${colorScheme}-${locale.slice(0, 2)}`);
      await challenge.locator("[data-outcome=approve]").click();
      await panel(page, "succeeded").waitFor({ state: "visible" });
      await who.close();
    }
  });
});
