// A shopper with a real Chromium, and what every page must be for them.
import assert from "node:assert/strict";
import { mkdirSync, readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { chromium } from "playwright-core";

const executablePath = process.env.CHROMIUM ?? "/usr/bin/chromium";
const axe = readFileSync(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");
const screenshots = new URL("../../screenshots/", import.meta.url).pathname;
mkdirSync(screenshots, { recursive: true });

/** Cards of the stand-in PSP. */
export const cards = {
  approved: "4242424242424242",
  amex: "378282246310005",
  declined: "4000000000000002",
  insufficient: "4000000000009995",
  disputed: "4000000000000259",
  threeDSecure: "4000002760003184",
  slow: "4000000000008088",
  pending: "4000000000006017",
  answerLost: "4000000000009094",
};

export const desktop = { width: 1280, height: 800 };
export const phone = { width: 360, height: 740 };

export function startBrowser() {
  return chromium.launch({
    executablePath,
    args: [
      // Inside a container there is no other sandbox to be had for root.
      ...(process.getuid?.() === 0 ? ["--no-sandbox"] : []),
      "--disable-gpu", "--disable-quic", "--no-first-run",
      "--disable-background-networking", "--disable-component-update", "--disable-sync",
    ],
  });
}

/** A browser window of its own: language, size, light or dark. */
export async function shopper(browser, { locale = "en-US", viewport = desktop, colorScheme = "light", ...more } = {}) {
  const context = await browser.newContext({ locale, viewport, colorScheme, ...more });
  context.setDefaultTimeout(20_000);
  const troubles = [];
  const hosts = new Set();
  context.on("page", (page) => {
    page.on("pageerror", (error) => troubles.push(`script error: ${error.message}`));
    page.on("console", (message) => {
      if (message.type() === "error") troubles.push(`console: ${message.text()}`);
    });
    page.on("request", (request) => hosts.add(new URL(request.url()).hostname));
  });
  return {
    context,
    troubles,
    page: () => context.newPage(),
    /** Nothing broke, no policy was violated, and nobody else was called. */
    assertQuiet(allowed = /^$/) {
      assert.deepEqual(troubles.filter((trouble) => !allowed.test(trouble)), []);
      assert.deepEqual([...hosts].filter((host) => !["localhost", "127.0.0.1", ""].includes(host)), []);
    },
    close: () => context.close(),
  };
}

export const form = (page) => page.frameLocator("#card iframe");

/** Types a card into the PSP's frame, as slowly as the form's own formatting needs. */
export async function typeCard(page, number, { expiry = "1234", cvc } = {}) {
  const frame = form(page);
  await frame.locator("#number").pressSequentially(number);
  await frame.locator("#expiry").pressSequentially(expiry);
  await frame.locator("#cvc").pressSequentially(cvc ?? (number.startsWith("37") ? "1234" : "123"));
}

export async function pay(page, number, more) {
  await typeCard(page, number, more);
  await page.locator("#submit").click();
}

export const panel = (page, name) => page.locator(`[data-panel="${name}"]`);

/** Waits until the page shows this state. */
export const shows = (page, name) => panel(page, name).waitFor({ state: "visible" });

/** What fades in has faded in: half-transparent text has no contrast to judge. */
const settled = () => Promise.all(document.getAnimations()
  .filter((animation) => animation.effect?.getComputedTiming().iterations !== Infinity)
  .map((animation) => animation.finished.catch(() => {})));

/** axe-core on the page with all its frames, those of other origins too. No rule is switched off here. */
export async function assertAccessible(page, what) {
  for (const frame of page.frames()) {
    if (frame.isDetached() || frame.url() === "about:blank") continue;
    await frame.evaluate(settled);
    await frame.evaluate(`${axe}; axe.configure({ allowedOrigins: ["<unsafe_all_origins>"] });`);
  }
  const { violations, passes } = await page.evaluate(() => globalThis.axe.run(document));
  const told = violations.map(({ id, help, nodes }) =>
    `${id}: ${help}\n    ${nodes.map((node) => `${node.target.join(" > ")}  ${node.html}  ${node.any[0]?.message ?? ""}`).join("\n    ")}`);
  assert.deepEqual(told, [], `${what} is not accessible:\n${told.join("\n")}`);
  return passes;
}

/** No sideways scrolling: on a phone that hides the price or the button. */
export async function assertFits(page, what) {
  const [content, window] = await page.evaluate(() => [document.documentElement.scrollWidth, innerWidth]);
  assert.ok(content <= window, `${what}: ${content} px wide in a window of ${window} px`);
}

/** Keeps a picture in screenshots/: of the window, or of the whole page. */
export async function picture(page, name, { fullPage = false } = {}) {
  // Fonts and pictures first, and no half-way transitions.
  await page.evaluate(() => document.fonts.ready);
  await page.screenshot({ path: `${screenshots}${name}.png`, animations: "disabled", fullPage });
}
