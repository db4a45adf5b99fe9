// The console, as the person who looks after the gateway sees it.
import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { after, before, describe, it } from "node:test";
import { startDemo } from "./demo.mjs";
import { signIn } from "./operator.mjs";
import { assertAccessible, assertFits, cards, pay, phone, picture, shopper, shows, startBrowser } from "./shopper.mjs";

describe("the console", { timeout: 600_000 }, () => {
  let demo, browser, bought;

  before(async () => {
    [demo, browser] = await Promise.all([startDemo(), startBrowser()]);
    // Sellers have their accounts before they have money: a first one would hold payouts otherwise.
    for (const { id } of (await demo.api("GET", "/v1/sellers")).data) {
      await demo.api("POST", `/v1/sellers/${id}`, { payout_destination: { token: "dest_sim_paid", bank_name: "Hangang Bank", last4: "6789" } });
    }
    // One purchase with a story: declined, then paid, and told to the shop by webhook.
    const who = await shopper(browser);
    const page = await who.page();
    await page.goto(demo.shop);
    await page.locator("#buy-all").click();
    await shows(page, "form");
    await pay(page, cards.insufficient);
    await page.locator("#alert .notice").waitFor();
    await pay(page, cards.approved);
    await page.waitForURL(`${demo.shop}/thanks**`);
    await page.locator("#state.paid").waitFor();
    bought = await demo.api("GET", "/v1/payments?limit=1").then((list) => list.data[0]);
    await who.close();
  });
  after(async () => { await browser?.close(); await demo?.stop(); });

  const signedIn = (options, email, password) => signIn(browser, demo, options, email, password);

  it("lets nobody in without the password", async () => {
    const who = await shopper(browser);
    const page = await who.page();
    await page.goto(`${demo.console}/payments`);
    await picture(page, "console-sign-in");
    await assertAccessible(page, "the sign-in page");
    await page.getByLabel("E-mail").fill(demo.console_email);
    await page.getByLabel("Password").fill("not the password");
    await page.getByRole("button", { name: "Sign in" }).click();
    await page.getByRole("alert").waitFor();
    await assertAccessible(page, "the sign-in page after a wrong password");
    assert.equal(await page.getByRole("button", { name: "Sign out" }).count(), 0);
    await who.close();
  });

  for (const [size, options] of [["desktop", {}], ["phone", { viewport: phone }], ["desktop-dark", { colorScheme: "dark" }]]) {
    it(`shows its pages (${size})`, async () => {
      const { who, page } = await signedIn(options);
      for (const name of ["", "payments", "disputes", "sellers", "wallets", "payouts", "trial-balance", "corrections", "policies", "deliveries", "dead-letters", "audit"]) {
        const answer = await page.goto(`${demo.console}/${name}`.replace(/\/$/, ""));
        assert.equal(answer.status(), 200, name);
        await picture(page, `console-${name || "home"}-${size}`);
        await assertFits(page, name || "home");
        await assertAccessible(page, name || "home");
      }
      who.assertQuiet();
      await who.close();
    });
  }

  it("tells one payment's whole story on one page", async () => {
    const { who, page } = await signedIn();
    await page.goto(`${demo.console}/payments`);
    await page.locator("main").getByRole("searchbox").or(page.locator("main input[type=text], main input[name=q]")).first().fill(bought.id);
    await page.keyboard.press("Enter");
    await page.waitForLoadState("networkidle");
    if (!page.url().includes(`/payments/${bought.id}`)) await page.locator(`a[href*="${bought.id}"]`).first().click();
    await page.waitForURL(`**/payments/${bought.id}`);
    await page.locator(".timeline").waitFor();
    await picture(page, "console-payment-desktop");
    await page.screenshot({ path: new URL("../../screenshots/console-payment-whole.png", import.meta.url).pathname, fullPage: true });
    await assertAccessible(page, "a payment's story");
    const story = await page.locator("main").innerText();
    for (const part of [/insufficient/i, /payment\.succeeded/, /checkout\.session\.completed/, /psp/i, /balanced/i]) {
      assert.match(story, part);
    }
    assert.doesNotMatch(story, /NOT BALANCED/);
    assert.ok(!(await page.content()).includes(cards.approved), "no card number");
    who.assertQuiet();
    await who.close();
  });

  it("shows a difference with its three sides, and what is proposed waits for a second person", async () => {
    // A sale that nobody here knows of, on the list of a day that ends now.
    const strange = { list: "settlement", kind: "invent", type: "sale", currency: "KRW", gross: 7000, fee: 203, payment_id: "spay_elsewhere" };
    await demo.stand("/admin/planted", strange);
    const { date } = await demo.stand("/admin/settlements/close", {});
    const { who, page } = await signedIn();
    await page.goto(`${demo.console}/reconciliation`);
    await page.locator("#source").selectOption("simulator");
    await page.locator("#date").fill(date);
    await page.getByRole("button", { name: "Begin" }).click();
    const done = page.getByRole("row").filter({ hasText: date }).filter({ hasText: "console" }).getByText("completed");
    for (let tries = 0; tries < 60 && (await done.count()) === 0; tries++) {
      await page.waitForTimeout(250);
      await page.goto(`${demo.console}/reconciliation`);
    }
    await picture(page, "console-reconciliation-desktop");
    await assertAccessible(page, "reconciliation");
    await page.getByRole("row").filter({ hasText: date }).filter({ hasText: "console" }).getByRole("link").first().click();
    await picture(page, "console-reconciliation-run-desktop");
    await assertAccessible(page, "a run");
    assert.match(await page.locator("main").innerText(), /matched/);
    await page.getByRole("link", { name: /^brk_/ }).first().click();
    await page.getByRole("heading", { name: "The PSP" }).waitFor();
    await picture(page, "console-break-desktop");
    await assertAccessible(page, "a difference");
    await assertFits(page, "a difference");
    const held = await page.getByText("In suspense:").locator("..").innerText();
    const amount = held.match(/([\d,]+) KRW/)[1].replaceAll(",", "");
    await page.locator("#reason").fill("a sale of our other shop");
    await page.locator("#debit1").fill("suspense");
    await page.locator("#credit1").fill("fees:platform");
    await page.locator("#amount1").fill(amount);
    await page.getByRole("button", { name: "Propose" }).click();
    await page.getByText("Proposed. It is posted when somebody else agrees.").waitFor();
    const difference = page.url().split("?")[0];
    await picture(page, "console-break-proposed-desktop");
    await assertAccessible(page, "a proposed journal");
    for (const name of ["breaks", "files", "causes"]) {
      assert.equal((await page.goto(`${demo.console}/reconciliation/${name}`)).status(), 200, name);
      await picture(page, `console-reconciliation-${name}-desktop`);
      await assertAccessible(page, name);
      await assertFits(page, name);
    }
    // Whoever agrees is somebody else, and may turn it down first.
    const second = await signedIn({}, "third@example.com", await demo.operator("third@example.com"));
    await second.page.goto(difference);
    await second.page.getByLabel("Why not").fill("which shop?");
    await second.page.getByRole("button", { name: "Turn down" }).click();
    await second.page.getByText("Turned down. The difference is open again.").waitFor();
    await page.goto(difference);
    await page.getByLabel("Note", { exact: true }).fill("the one in Busan");
    await page.getByRole("button", { name: "Write it down" }).click();
    await page.getByText("the one in Busan").waitFor();
    // What was turned down is filled in: nothing has to be typed again.
    assert.equal(await page.locator("#debit1").inputValue(), "suspense");
    await page.getByRole("button", { name: "Propose" }).click();
    await page.getByText("Proposed. It is posted when somebody else agrees.").waitFor();
    assert.equal(await page.getByRole("button", { name: "Agree and post" }).count(), 0, "one person alone posts nothing");
    await second.page.goto(difference);
    await picture(second.page, "console-break-agree-desktop");
    await assertAccessible(second.page, "a journal to agree to");
    await second.page.getByRole("button", { name: "Agree and post" }).click();
    await second.page.getByText("Posted. The difference is closed.").waitFor();
    await picture(second.page, "console-break-closed-desktop");
    await assertAccessible(second.page, "a closed difference");
    const told = await second.page.locator("ul.notes").innerText();
    for (const word of ["which shop?", "the one in Busan", "third@example.com", "approved"]) assert.ok(told.includes(word), `${word}: ${told}`);
    second.who.assertQuiet();
    await second.who.close();
    // The file comes out again as it came.
    await page.goto(`${demo.console}/reconciliation/files`);
    const [download] = await Promise.all([page.waitForEvent("download"), page.getByRole("button", { name: /^Download/ }).first().click()]);
    assert.match(download.suggestedFilename(), /^rcf_/);
    who.assertQuiet();
    await who.close();
  });

  it("sends a webhook again when asked to", async () => {
    const { who, page } = await signedIn();
    await page.goto(`${demo.console}/payments/${bought.id}`);
    await page.getByRole("button", { name: /send again|resend/i }).first().click();
    await page.waitForLoadState("networkidle");
    await assertAccessible(page, "after a resend");
    await picture(page, "console-resent-desktop");
    who.assertQuiet();
    await who.close();
  });

  /** A checkout whose money a card holds; gives the payment. */
  async function held() {
    const session = await demo.checkout({ capture: "manual" });
    const who = await shopper(browser);
    const page = await who.page();
    await page.goto(session.url);
    await shows(page, "form");
    await pay(page, cards.approved);
    await page.waitForURL(`${demo.shop}/**`);
    await who.close();
    const payment = await demo.api("GET", `/v1/payments/${session.payment}`);
    assert.deepEqual([payment.status, payment.captured], ["authorized", "0"]);
    return payment;
  }

  it("captures a part of what a card holds", async () => {
    const payment = await held();
    const { who, page } = await signedIn();
    await page.goto(`${demo.console}/payments/${payment.id}`);
    await page.getByRole("heading", { name: "Held money" }).waitFor();
    await picture(page, "console-held-desktop");
    await assertAccessible(page, "a payment that is held");
    await page.getByLabel("Amount to capture").fill("999999999");
    await page.getByRole("button", { name: "Capture" }).click();
    await page.getByRole("status").getByText("Nothing was done").waitFor();
    await page.getByLabel("Amount to capture").fill("50,000");
    await page.getByRole("button", { name: "Capture" }).click();
    await page.getByText("The money is taken.").waitFor();
    const story = await page.locator("main").innerText();
    for (const part of [/50,000 KRW taken/, /Capture of 50,000 KRW/, /balanced/i]) assert.match(story, part);
    assert.doesNotMatch(story, /NOT BALANCED/);
    assert.equal(await page.getByRole("button", { name: "Capture" }).count(), 0, "it can be captured once");
    await picture(page, "console-captured-desktop");
    await assertAccessible(page, "a payment that was captured");
    await assertFits(page, "a payment that was captured");
    const after = await demo.api("GET", `/v1/payments/${payment.id}`);
    assert.deepEqual([after.status, after.captured], ["succeeded", "50000"]);
    await page.goto(`${demo.console}/audit`);
    assert.match(await page.locator("main").innerText(), /payment\.capture/);
    who.assertQuiet();
    await who.close();
  });

  it("lets go what a card holds", async () => {
    const payment = await held();
    const { who, page } = await signedIn({ viewport: phone });
    await page.goto(`${demo.console}/payments/${payment.id}`);
    await assertFits(page, "a payment that is held, on a phone");
    await page.getByRole("button", { name: "Void" }).click();
    await page.getByText("The money is let go").waitFor();
    assert.match(await page.locator("main").innerText(), /Let go/);
    await picture(page, "console-voided-phone");
    const after = await demo.api("GET", `/v1/payments/${payment.id}`);
    assert.deepEqual([after.status, after.cancellation_reason], ["canceled", "requested_by_merchant"]);
    who.assertQuiet();
    await who.close();
  });

  it("answers a dispute with evidence until it is won", async () => {
    const buyer = await shopper(browser);
    const till = await buyer.page();
    const session = await demo.checkout();
    await till.goto(session.url);
    await shows(till, "form");
    await pay(till, cards.disputed);
    await till.waitForURL(`${demo.shop}/**`);
    await buyer.close();
    const { who, page } = await signedIn();
    for (let tries = 0; tries < 40; tries += 1) {
      await page.goto(`${demo.console}/disputes?status=needs_response`);
      if (await page.locator("td", { hasText: "Needs an answer" }).count()) break;
      await page.waitForTimeout(250);
    }
    await picture(page, "console-disputes-desktop");
    await assertAccessible(page, "the list of disputes");
    await page.locator("th a[href*='/console/disputes/dp_']").first().click();
    await page.getByRole("heading", { name: "Hand in evidence" }).waitFor();
    await page.getByLabel("Tracking number").fill("KR-1042");
    await page.getByLabel("What happened").fill("Delivered and signed for.\nwinning_evidence");
    await picture(page, "console-dispute-desktop");
    await assertAccessible(page, "a dispute with its form");
    await assertFits(page, "a dispute");
    await page.getByRole("button", { name: "Hand in" }).click();
    await page.getByRole("status").filter({ hasText: "on its way" }).waitFor();
    assert.equal(await page.getByRole("button", { name: "Hand in" }).count(), 0, "it is taken once");
    for (let tries = 0; tries < 60; tries += 1) {
      await page.reload();
      if (await page.locator(".chip", { hasText: "Won" }).count()) break;
      await page.waitForTimeout(250);
    }
    await page.locator(".chip", { hasText: "Won" }).first().waitFor();
    await assertAccessible(page, "a dispute that was won");
    await page.goto(`${demo.console}/audit`);
    await page.locator("td, th").filter({ hasText: "dispute.answer" }).first().waitFor();
    who.assertQuiet();
    await who.close();
  });

  it("accepts the loss of a dispute, and finds it from its payment and by its id", async () => {
    const buyer = await shopper(browser);
    const till = await buyer.page();
    const session = await demo.checkout();
    await till.goto(session.url);
    await shows(till, "form");
    await pay(till, cards.disputed);
    await till.waitForURL(`${demo.shop}/**`);
    await buyer.close();
    let dispute;
    for (let tries = 0; tries < 80 && !dispute; tries += 1) {
      [dispute] = (await demo.api("GET", `/v1/disputes?payment=${session.payment}`)).data;
      if (!dispute) await new Promise((resolve) => setTimeout(resolve, 250));
    }
    const { who, page } = await signedIn();
    await page.goto(`${demo.console}/payments/${session.payment}`);
    await page.getByRole("heading", { name: "Disputes", exact: true }).waitFor();
    await picture(page, "console-payment-disputed-desktop");
    await assertAccessible(page, "a payment that is contested");
    await assertFits(page, "a payment that is contested");
    await page.getByRole("link", { name: dispute.id }).click();
    await page.waitForURL(`**/disputes/${dispute.id}`);
    await page.goto(`${demo.console}/payments?q=${dispute.id}`);
    await page.waitForURL(`**/disputes/${dispute.id}`);
    await page.getByRole("button", { name: "Accept the loss" }).click();
    await page.getByRole("status").getByText("Nothing was done").waitFor();
    await page.getByRole("checkbox", { name: /The shopper keeps/ }).check();
    await page.getByRole("button", { name: "Accept the loss" }).click();
    await page.getByRole("status").getByText("the loss is accepted").waitFor();
    assert.equal(await page.getByRole("button", { name: "Hand in" }).count(), 0, "nothing more is said to it");
    for (let tries = 0; tries < 60; tries += 1) {
      await page.reload();
      if (await page.locator(".chip", { hasText: "Lost" }).count()) break;
      await page.waitForTimeout(250);
    }
    await page.locator(".chip", { hasText: "Lost" }).first().waitFor();
    await assertAccessible(page, "a dispute that was given up");
    await page.goto(`${demo.console}/audit`);
    await page.locator("td, th").filter({ hasText: "dispute.accept" }).first().waitFor();
    who.assertQuiet();
    await who.close();
  });

  it("asks for a correction that a second person agrees to", async () => {
    const password = await demo.operator("second@example.com");
    const shown = await demo.api("GET", `/v1/payments/${bought.id}`);
    const { who, page } = await signedIn();
    await page.goto(`${demo.console}/corrections`);
    await page.getByLabel("Currency").fill("KRW");
    await page.getByLabel("Reason").fill("the bank's fee was forgotten");
    await page.getByLabel("Payment, if one").fill(shown.id);
    await page.getByLabel("Debit 1").fill("suspense");
    await page.getByLabel("Credit 1").fill("bank");
    await page.getByLabel("Amount 1").fill("70.5");
    await page.getByRole("button", { name: "Ask", exact: true }).click();
    await page.getByRole("status").getByText("Nothing was done").waitFor();
    await page.getByLabel("Currency").fill("KRW");
    await page.getByLabel("Reason").fill("the bank's fee was forgotten");
    await page.getByLabel("Payment, if one").fill(shown.id);
    await page.getByLabel("Debit 1").fill("suspense");
    await page.getByLabel("Credit 1").fill("bank");
    await page.getByLabel("Amount 1").fill("70");
    await page.getByRole("button", { name: "Ask", exact: true }).click();
    await page.getByRole("status").getByText("when somebody else agrees").waitFor();
    assert.equal(await page.getByRole("button", { name: /^Agree/ }).count(), 0, "nobody agrees with themselves");
    await page.getByText("somebody else has to agree").waitFor();
    await picture(page, "console-correction-asked-desktop");
    await assertAccessible(page, "a correction that waits");

    const second = await signedIn({}, "second@example.com", password);
    await second.page.goto(`${demo.console}/corrections`);
    await second.page.getByRole("button", { name: /^Agree/ }).click();
    await second.page.getByRole("status").getByText("Posted.").waitFor();
    await second.page.getByText("decided by second@example.com").waitFor();
    await picture(second.page, "console-corrections-desktop");
    await assertAccessible(second.page, "a correction that was posted");
    await assertFits(second.page, "corrections");
    const { data: [correction] } = await demo.api("GET", "/v1/corrections");
    assert.deepEqual([correction.status, correction.decided_by], ["posted", "second@example.com"]);
    await page.goto(`${demo.console}/payments/${shown.id}`);
    assert.match(await page.locator("main").innerText(), /correction/);
    await page.goto(`${demo.console}/audit`);
    const audit = await page.locator("main").innerText();
    for (const act of [/correction\.ask/, /correction\.agree/]) assert.match(audit, act);
    for (const one of [who, second.who]) {
      one.assertQuiet();
      await one.close();
    }
  });

  it("shows a seller's statement and the trial balance, and gives both as files with the same sums", async () => {
    const { orders: [order] } = await demo.api("GET", `/v1/payments/${bought.id}`);
    const { who, page } = await signedIn({ acceptDownloads: true });
    const file = async () => {
      const [download] = await Promise.all([page.waitForEvent("download"), page.getByRole("link", { name: "CSV" }).click()]);
      return readFile(await download.path(), "utf8");
    };
    const plain = (text) => text.replaceAll(",", "").replaceAll("\u2212", "-").trim();
    await page.goto(`${demo.console}/sellers/${order.seller}/statement?currency=KRW`);
    await page.getByRole("heading", { name: /^Statement of/ }).waitFor();
    await picture(page, "console-statement-desktop");
    await assertAccessible(page, "a statement");
    await assertFits(page, "a statement");
    assert.equal(await page.getByText("UNEXPLAINED").count(), 0);
    const closing = await page.locator("tr.total", { hasText: "Closing" }).locator("td.num").allInnerTexts();
    const statement = await file();
    const last = statement.trim().split("\n").find((line) => line.includes("closing"));
    assert.ok(last, statement);
    for (const cell of closing.map(plain).filter(Boolean)) assert.ok(last.split(",").map(plain).includes(cell), `${cell} in ${last}`);

    await page.goto(`${demo.console}/trial-balance`);
    await page.locator("tr.total").first().waitFor();
    assert.equal(await page.getByText("NOT BALANCED").count(), 0);
    const sums = await page.locator("tr.total", { hasText: "KRW" }).locator("td.num").allInnerTexts();
    assert.equal(sums[0], sums[1], "debits equal credits");
    await picture(page, "console-trial-balance-desktop");
    const balance = await file();
    assert.match(balance, /psp:simulator/);
    const amounts = balance.split("\n").flatMap((line) => line.split(",")).map(plain);
    assert.ok(amounts.includes(plain(sums[0])), `${sums[0]} in ${balance}`);
    who.assertQuiet();
    await who.close();
  });

  it("gives a part of the money back, once, and says that an order was delivered", async () => {
    const { who, page } = await signedIn();
    await page.goto(`${demo.console}/payments/${bought.id}`);
    await page.getByRole("heading", { name: "Give money back" }).waitFor();
    await assertAccessible(page, "a payment that can be refunded");
    await page.getByLabel("Amount to refund").fill("999999999");
    await page.getByLabel("Reason").fill("too much");
    await page.getByRole("button", { name: "Refund" }).click();
    await page.getByRole("status").getByText("Nothing was done").waitFor();
    await page.getByLabel("Amount to refund").fill("1,000");
    await page.getByLabel("Reason").fill("one cup broke");
    await page.getByRole("button", { name: "Refund" }).dblclick();
    await page.waitForURL(/refund=(succeeded|again)/);
    await page.goto(`${demo.console}/payments/${bought.id}`);
    let story = await page.locator("main").innerText();
    for (const part of [/one cup broke/, /1,000 KRW/, /balanced/i]) assert.match(story, part);
    assert.doesNotMatch(story, /NOT BALANCED/);
    await picture(page, "console-refunded-desktop");
    await assertFits(page, "a payment that was refunded");
    let after = await demo.api("GET", `/v1/payments/${bought.id}`);
    assert.equal(after.refunded, "1000", "two clicks are one refund");
    await page.getByRole("button", { name: /^Fulfill/ }).first().click();
    await page.getByRole("status").getByText("The order is delivered").waitFor();
    story = await page.locator("main").innerText();
    assert.match(story, /payment_order\.fulfilled/);
    assert.match(story, /fulfillment/);
    after = await demo.api("GET", `/v1/payments/${bought.id}`);
    assert.equal(after.orders.filter((order) => order.fulfilled_at).length, 1);
    await page.goto(`${demo.console}/audit`);
    const audit = await page.locator("main").innerText();
    assert.match(audit, /payment\.refund/);
    assert.match(audit, /payment_order\.fulfill/);
    who.assertQuiet();
    await who.close();
  });

  for (const [size, options] of [["desktop", {}], ["phone", { viewport: phone }], ["desktop-dark", { colorScheme: "dark" }]]) {
    it(`makes a seller, settles its payouts and changes policies (${size})`, async () => {
      const { who, page } = await signedIn(options);
      await page.goto(`${demo.console}/sellers`);
      const name = `Namsan Books ${size}`;
      await page.getByLabel("Name", { exact: true }).fill(name);
      await page.getByLabel("Token").fill("DE89370400440532013000");
      await page.getByLabel("Bank", { exact: true }).fill("Hangang Bank");
      await page.getByRole("button", { name: "Create seller" }).click();
      await page.getByText("looks like an IBAN").waitFor();
      assert.equal(await page.getByLabel("Token").inputValue(), "", "an account number is not shown again");
      assert.equal(await page.getByLabel("Name", { exact: true }).inputValue(), name, "what was typed stays");
      await picture(page, `console-seller-refused-${size}`);
      await assertFits(page, "a refused seller");
      await assertAccessible(page, "a refused seller");
      await page.getByLabel("Token").fill("dest_sim_paid");
      await page.getByRole("button", { name: "Create seller" }).click();
      await page.getByRole("link", { name: "Settings" }).click();
      await page.getByRole("heading", { name: `Settings of ${name}` }).waitFor();
      await page.getByLabel("Paid out", { exact: true }).selectOption("weekly");
      await page.getByLabel("Hour").fill("25");
      await page.getByRole("button", { name: "Save schedule" }).click();
      await page.getByText("is a whole number from 0 to 23").waitFor();
      await picture(page, `console-seller-settings-refused-${size}`);
      await page.screenshot({ path: new URL(`../../screenshots/console-seller-settings-whole-${size}.png`, import.meta.url).pathname, fullPage: true });
      await assertFits(page, "refused settings");
      await assertAccessible(page, "refused settings");
      await page.getByLabel("Hour").fill("9");
      await page.getByLabel("Time zone").fill("Asia/Seoul");
      await page.getByRole("button", { name: "Save schedule" }).click();
      await page.getByText("Saved.").waitFor();
      assert.equal(await page.getByLabel("Time zone").inputValue(), "Asia/Seoul");
      await page.goto(`${demo.console}/policies`);
      await page.getByRole("link", { name: /^Change policies of .*, test$/ }).first().click();
      await page.getByLabel("Delivered after days").fill("30");
      await page.getByRole("button", { name: "Save policies" }).click();
      await page.getByText("Saved.").waitFor();
      // A limit is raised by two people, and whoever asked may take it back.
      await page.getByLabel("Second person for payouts above").fill("KRW 500000");
      await page.getByRole("button", { name: "Save limit" }).click();
      await page.getByText("Saved.").waitFor();
      await page.getByLabel("Second person for payouts above").fill("KRW 600000");
      await page.getByRole("button", { name: "Save limit" }).click();
      await page.getByText("It holds when somebody else agrees.").waitFor();
      assert.equal(await page.getByRole("button", { name: "Agree" }).count(), 0);
      await picture(page, `console-terms-${size}`);
      await assertFits(page, "policies of a merchant");
      await assertAccessible(page, "policies of a merchant");
      await page.getByRole("button", { name: "Turn down" }).click();
      await page.getByText("Turned down. What held still holds.").waitFor();
      // A form that is refused is a page with its status.
      who.assertQuiet(/status of 400/);
      await who.close();
    });
  }

  it("lets a second person approve a large payout", async () => {
    const { orders } = await demo.api("GET", `/v1/payments/${bought.id}`);
    const order = orders[0];
    if (!order.fulfilled_at) await demo.api("POST", `/v1/payment_orders/${order.id}/fulfill`, {});
    await demo.api("POST", "/v1/policies", { payout_approval_above: { KRW: "1000" } });
    const { who, page } = await signedIn();
    await page.goto(`${demo.console}/sellers/${order.seller}`);
    await page.getByLabel("State").selectOption("verified");
    await page.getByRole("button", { name: "Save" }).click();
    await page.getByText("Verified", { exact: true }).first().waitFor();
    await picture(page, "console-seller-desktop");
    await assertAccessible(page, "a seller");
    const payout = await demo.api("POST", "/v1/payouts", { seller: order.seller, amount: "2000", currency: "KRW" });
    assert.equal(payout.status, "needs_approval");
    await page.goto(`${demo.console}/payouts?status=needs_approval`);
    await page.getByRole("link", { name: payout.id }).click();
    await assertAccessible(page, "a payout that waits");
    await picture(page, "console-payout-waits-desktop");
    await page.getByRole("button", { name: "Approve payout" }).click();
    await page.getByText("Approved by a person").waitFor();
    for (let tries = 0; tries < 60; tries += 1) {
      const { status } = await demo.api("GET", `/v1/payouts/${payout.id}`);
      if (status === "paid") break;
      await new Promise((resolve) => setTimeout(resolve, 500));
    }
    await page.reload();
    await page.getByText("payout.paid").waitFor();
    await assertAccessible(page, "a payout's story");
    await picture(page, "console-payout-desktop");
    who.assertQuiet();
    await who.close();
  });

  it("signs out", async () => {
    const { who, page } = await signedIn();
    await page.getByRole("button", { name: "Sign out" }).click();
    await page.getByLabel("Password").waitFor();
    await page.goto(`${demo.console}/payments`);
    await page.getByLabel("Password").waitFor();
    await who.close();
  });
});
