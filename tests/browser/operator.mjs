// A person with a password for the console.
import { picture, shopper, assertAccessible, assertFits, desktop, phone } from "./shopper.mjs";

/** Signs in, as the demo's first operator unless somebody else is named. */
export async function signIn(browser, demo, options, email = demo.console_email, password = demo.console_password) {
  const who = await shopper(browser, options);
  const page = await who.page();
  await page.goto(demo.console);
  await page.getByLabel("E-mail").fill(email);
  await page.getByLabel("Password").fill(password);
  await page.getByRole("button", { name: "Sign in" }).click();
  await page.getByRole("button", { name: "Sign out" }).waitFor();
  return { who, page };
}

/** The whole page in both sizes, in pictures; it fits, and whoever cannot see it can use it. */
export async function look(page, name) {
  for (const [size, viewport] of [["desktop", desktop], ["phone", phone]]) {
    await page.setViewportSize(viewport);
    await picture(page, `${name}-${size}`, { fullPage: true });
    await assertFits(page, `${name} (${size})`);
    await assertAccessible(page, `${name} (${size})`);
  }
  await page.setViewportSize(desktop);
}

/** Comes to what is meant by Tab alone, from where the focus is, and presses `key` there. */
export async function pressByKeyboard(page, meant, key = "Enter") {
  for (let tabs = 0; tabs < 120; tabs += 1) {
    await page.keyboard.press("Tab");
    if (await meant.evaluate((element) => element === document.activeElement)) return page.keyboard.press(key);
  }
  throw new Error(`Tab does not come to ${meant}`);
}
