// What people decide about: money that no machine can place, and work that was given up. Each is clicked to its end.
import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import { startDemo } from "./demo.mjs";
import { look, pressByKeyboard, signIn } from "./operator.mjs";
import { cards, pay, shopper, shows, startBrowser } from "./shopper.mjs";

describe("the desk", { timeout: 600_000 }, () => {
  let demo, browser, bought, day, payout, one, two;

  before(async () => {
    [demo, browser] = await Promise.all([startDemo(), startBrowser()]);
    bought = await buy();
    one = await signIn(browser, demo);
    two = await signIn(browser, demo, {}, "second@example.com", await demo.operator("second@example.com"));
    // The PSP keeps more of this sale than its contract says. What it pays out for the day comes to the bank without its name,
    // and five won short.
    const { data: [{ id: row }] } = await demo.stand("/admin/record/captures");
    await demo.stand("/admin/planted", { list: "settlement", kind: "alter", row, fee: 3000 });
    ({ date: day, payouts: [payout] } = await demo.stand("/admin/settlements/close", {}));
    await demo.stand("/admin/planted", { list: "statement", kind: "drop", row: "BNKP1" });
    const nameless = { type: "psp_payout", currency: "KRW", gross: payout.amount - 5, reference: "COLLECTED" };
    await demo.stand("/admin/planted", { list: "statement", kind: "invent", ...nameless });
    for (const source of ["simulator", "bank"]) await reconcile(source);
  });
  after(async () => { await browser?.close(); await demo?.stop(); });

  /** A checkout that is paid; gives the payment. */
  async function buy() {
    const session = await demo.checkout();
    const who = await shopper(browser);
    const page = await who.page();
    await page.goto(session.url);
    await shows(page, "form");
    await pay(page, cards.approved);
    await page.waitForURL(`${demo.shop}/**`);
    await who.close();
    return demo.api("GET", `/v1/payments/${session.payment}`);
  }

  async function reconcile(source) {
    const { page } = one;
    await page.goto(`${demo.console}/reconciliation`);
    await page.locator("#source").selectOption(source);
    await page.locator("#date").fill(day);
    await page.getByRole("button", { name: "Begin" }).click();
    const done = page.getByRole("row").filter({ has: page.getByRole("cell", { name: `${source} console` }) }).getByText("completed");
    for (let tries = 0; tries < 80 && (await done.count()) === 0; tries += 1) {
      await page.waitForTimeout(250);
      await page.goto(`${demo.console}/reconciliation`);
    }
    assert.equal(await done.count(), 1, await page.locator("main").innerText());
  }

  /** Opens the difference of this kind that is not closed; gives its address. */
  async function difference(page, kind) {
    await page.goto(`${demo.console}/reconciliation/breaks?type=${kind}&status=open`);
    await page.getByRole("link", { name: /^brk_/ }).first().click();
    await page.getByRole("heading", { name: "The PSP", exact: true }).waitFor();
    return page.url().split("?")[0];
  }

  /** Work that was given up `age` hours ago. */
  function give_up(job, kind, key, error, age) {
    const at = (Date.now() - age * 3_600_000) * 1000;
    return demo.plant(
      `insert into jobs (id, lane, kind, key, payload, merchant_id, livemode, status, due_at, tries, failures, last_error)
       values (?, 'payments', ?, ?, 'null', ?, false, 'dead', ?, 3, 3, ?)`,
      job, kind, key, demo.merchant, at, error,
    );
  }

  it("lands a payout by hand when two people say so", async () => {
    const { page } = one;
    const address = await difference(page, "unknown");
    await look(page, "desk-unplaced");
    await page.getByLabel("How you know").fill("the bank told us on the phone");
    await page.getByLabel("Payout 1").selectOption({ index: 1 });
    assert.match(await page.getByLabel("Payout 1").locator("option:checked").innerText(), /84,000 KRW/);
    await pressByKeyboard(page, page.getByRole("button", { name: "Propose this landing" }));
    await page.getByText("The payouts have landed when somebody else agrees.").waitFor();
    assert.equal(await page.getByRole("button", { name: "Agree and post" }).count(), 0, "one person alone lands nothing");
    await look(page, "desk-landing-proposed");
    // Whoever proposed it may not agree to it, whatever they send.
    const csrf = await page.locator("input[name=csrf]").first().inputValue();
    const forced = await page.request.post(`${address}/approve`, {
      form: { csrf, proposal: "anything" }, headers: { origin: new URL(address).origin }, maxRedirects: 0,
    });
    assert.match(forced.headers().location, /said=same$/);

    await two.page.goto(address);
    await look(two.page, "desk-landing-to-agree");
    await pressByKeyboard(two.page, two.page.getByRole("button", { name: "Agree and post" }));
    await two.page.getByText("The payouts have landed. What is left over stands in suspense.").waitFor();
    assert.match(await two.page.getByText("In suspense:").locator("..").innerText(), /5 KRW/);
    await look(two.page, "desk-landed");

    // The rest is a journal, which waits for the other of the two.
    await two.page.getByLabel("What it is").fill("the bank's charge");
    await two.page.getByLabel("Debit 1").fill("fees:psp");
    await two.page.getByLabel("Credit 1").fill("suspense");
    await two.page.getByLabel("Amount 1").fill("5");
    await two.page.getByRole("button", { name: "Propose", exact: true }).click();
    await two.page.getByText("Proposed. It is posted when somebody else agrees.").waitFor();
    await page.goto(address);
    await page.getByRole("button", { name: "Agree and post" }).click();
    await page.getByText("Posted. The difference is closed.").waitFor();
    await page.getByText("How it was closed").waitFor();
    await look(page, "desk-landing-closed");
    await page.goto(`${demo.console}/audit`);
    const audit = await page.locator("main").innerText();
    for (const act of [/break\.propose/, /break\.approve/]) assert.match(audit, act);
    one.who.assertQuiet();
    two.who.assertQuiet();
  });

  it("closes a difference without a journal, with a reason, where nothing of it is in suspense", async () => {
    const { page } = one;
    const address = await difference(page, "fee_differs");
    await look(page, "desk-fee");
    await page.getByLabel("Note", { exact: true }).fill("asked the PSP about it");
    await pressByKeyboard(page, page.getByRole("button", { name: "Write it down" }));
    await page.getByText("Written down.").waitFor();
    await page.getByLabel("Or close it without a journal: why").fill("the PSP gives it back next month");
    await pressByKeyboard(page, page.getByRole("button", { name: "Close", exact: true }));
    await page.getByText("Closed, without a journal.").waitFor();
    const told = await page.locator("main").innerText();
    for (const said of ["asked the PSP about it", "the PSP gives it back next month", demo.console_email]) assert.ok(told.includes(said), `${said}: ${told}`);
    await look(page, "desk-fee-closed");
    assert.equal(await page.getByRole("button", { name: "Close", exact: true }).count(), 0, `${address} is closed once`);
    one.who.assertQuiet();
  });

  it("shows a payment that was charged twice, with what to give back and whom it waits for", async () => {
    const { page } = one;
    const attempt = "att_00000000000000000000000001";
    await demo.plant(
      `insert into attempts (id, payment_id, merchant_id, livemode, psp, psp_key, method, state, decline_code, card_brand, card_last4,
         sent_at, deadline_at, settled_at, second_charge)
       select ?, payment_id, merchant_id, livemode, psp, ?, 'tok', 'declined', 'card_declined', 'mastercard', '4444', sent_at - 60000000,
         deadline_at, sent_at - 50000000, 'sch_again' from attempts where payment_id = ? and state = 'approved'`,
      attempt, attempt, bought.id,
    );
    await give_up("job_00000000000000000000000001", "payments.recover", attempt, "the PSP charged sch_again as well", 1);
    // Whoever has only the word of the PSP finds the payment by it.
    await page.goto(`${demo.console}/payments?q=sch_again`);
    await page.locator(`main a[href$="${bought.id}"]`).first().click();
    await page.getByRole("heading", { name: "Charged twice" }).waitFor();
    const box = page.locator("section").filter({ has: page.getByRole("heading", { name: "Charged twice" }) });
    assert.match(await box.innerText(), /sch_again[^]*mastercard 4444[^]*Waits for a person/);
    await look(page, "desk-charged-twice");
    await pressByKeyboard(page, box.getByRole("link", { name: /^job_/ }));
    await page.getByRole("heading", { name: "Resolve" }).waitFor();
    assert.match(await page.locator("main").innerText(), /the PSP charged sch_again as well/);
    await look(page, "desk-charged-twice-letter");
    one.who.assertQuiet();
  });

  it("retries one dead letter, all of a kind, and resolves one with its reason", async () => {
    const { page } = one;
    const list = `${demo.console}/dead-letters`;
    // Of work that is known to nobody here, so that nothing takes it away again while we look.
    for (const number of [2, 3, 4, 5]) {
      await give_up(`job_0000000000000000000000000${number}`, number === 5 ? "payments.letters_test" : "payments.other_test",
        `${bought.id}${number}`, `the PSP answered 500 to call ${number}`, number);
    }
    await page.goto(list);
    await look(page, "desk-letters");
    await page.getByRole("link", { name: "job_00000000000000000000000002" }).click();
    await look(page, "desk-letter");
    await pressByKeyboard(page, page.getByRole("button", { name: "Retry now" }));
    await page.getByText("It is tried again now, with a fresh round of tries.").waitFor();
    assert.equal(await page.getByRole("link", { name: "job_00000000000000000000000002" }).count(), 0);

    await pressByKeyboard(page, page.getByRole("button", { name: "Retry all payments.other_test (2)" }), "Space");
    await page.getByText("2 are tried again now, each with a fresh round of tries.").waitFor();
    assert.equal(await page.getByRole("button", { name: /other_test/ }).count(), 0);
    await look(page, "desk-letters-retried");

    await page.getByRole("link", { name: "job_00000000000000000000000005" }).click();
    await page.getByLabel("Reason", { exact: true }).fill("   ");
    await page.getByRole("button", { name: "Resolve" }).click();
    await page.getByRole("status").getByText("Nothing was done: a reason has 1 to 500 characters").waitFor();
    await page.getByLabel("Reason", { exact: true }).fill("paid by bank transfer, see ticket 7");
    await pressByKeyboard(page, page.getByRole("button", { name: "Resolve" }));
    await page.getByText("paid by bank transfer, see ticket 7").waitFor();
    assert.equal(await page.getByRole("button", { name: "Retry now" }).count(), 0, "what is resolved is not tried again");
    await look(page, "desk-letter-resolved");
    await page.goto(`${list}?status=resolved`);
    await page.getByText(`${demo.console_email}: paid by bank transfer, see ticket 7`).waitFor();
    await look(page, "desk-letters-resolved");
    await page.goto(`${demo.console}/audit`);
    const audit = await page.locator("main").innerText();
    for (const act of [/dead_letter\.retry/, /dead_letter\.retry_all/, /dead_letter\.resolve/]) assert.match(audit, act);
    one.who.assertQuiet();
  });
});
