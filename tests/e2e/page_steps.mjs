// What a person does on the page of `tarpon serve`, in a headless Chromium. Run by page.py:
//
//   node page_steps.mjs SCENARIO '{"url":…, …}'
//
// Prints one JSON object for page.py, which checks the registry; what is on the page is checked here.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { basename } from "node:path";
import { pathToFileURL } from "node:url";

const PATIENCE = 60000;
const [scenario, json] = process.argv.slice(2);
const given = JSON.parse(json);
const require = createRequire(pathToFileURL(given.modules + "/"));
const { chromium } = require("playwright-core");

/** What every answer said, with its headers, for a look at secrets. */
const heard = [];
async function listen(response) {
  const heads = response.headers();
  let all = heads, body = "";
  try {
    all = await response.headersArray();
    body = (await response.body()).toString("latin1");
  } catch {
    // A stream that was left, a redirect, or the browser was closed before it told everything.
  }
  const head = `${response.status()} ${response.url()}\n${JSON.stringify(all)}\n`;
  heard.push({ url: response.url(), text: head + body, challenge: heads["www-authenticate"] });
}

async function logIn(page, { username, password }) {
  await page.getByLabel("User name").fill(username);
  await page.getByLabel("Password").fill(password);
  await page.keyboard.press("Enter");
}

/** A page in a browser of its own; everything it complains about, or asks others for, is an error. */
async function withPage(act, { locale = "en-US", scheme = "light", width = 1000, height = 900 } = {}) {
  const browser = await chromium.launch({ executablePath: given.chromium, args: ["--no-sandbox"] });
  try {
    const context = await browser.newContext({ locale, colorScheme: scheme, viewport: { width, height },
                                               ignoreHTTPSErrors: given.self_signed ?? false });
    const page = await context.newPage();
    page.setDefaultTimeout(PATIENCE);
    const complaints = [];
    page.on("pageerror", (error) => complaints.push(String(error)));
    page.on("console", (line) => {
      // A refused request is what some scenarios are about; the browser logs it.
      if (line.type() === "error" && !/Failed to load resource/.test(line.text())) complaints.push(line.text());
    });
    page.on("request", (request) => {
      if (!request.url().startsWith(given.url)) complaints.push(`asked another host: ${request.url()}`);
    });
    const listening = [];
    page.on("response", (response) => listening.push(listen(response)));
    await page.goto(given.url);
    if (given.login) await page.locator("#login-form").waitFor();
    if (given.login && scenario !== "login") await logIn(page, given.login);
    if (scenario !== "login" && scenario !== "locked_out") await page.locator("#target:not(:empty)").waitFor();
    const result = await act(page);
    assert.deepEqual(complaints, []);
    await Promise.race([Promise.all(listening), page.waitForTimeout(5000)]);
    // The browser would have asked for a password in a window of its own.
    assert.deepEqual(heard.filter((one) => one.challenge).map((one) => one.url), []);
    for (const secret of given.secrets ?? [])
      assert.deepEqual(heard.filter((one) => one.text.includes(secret)).map((one) => one.url), [], "a secret in an answer");
    if (given.secrets) result.answers = heard.length;
    return result;
  } finally {
    await browser.close();
  }
}

const card = (page, file) => page.locator(".card", { has: page.locator("h3", { hasText: basename(file) }) });
const inState = (page, file, ...states) =>
  page.locator(states.map((state) => `.card[data-state=${state}]`).join(", "), { hasText: basename(file) }).waitFor({ timeout: given.patience ?? PATIENCE });

async function choose(page, ...files) {
  if (!given.drop) return page.setInputFiles("#files", files);
  const contents = files.map((file) => [basename(file), readFileSync(file).toString("base64")]);
  const dropped = await page.evaluateHandle((all) => {
    const transfer = new DataTransfer();
    for (const [name, base64] of all)
      transfer.items.add(new File([Uint8Array.from(atob(base64), (char) => char.charCodeAt(0))], name));
    return transfer;
  }, contents);
  await page.dispatchEvent("#drop", "dragover", { dataTransfer: dropped });
  await page.locator("#drop.over").waitFor();
  await page.dispatchEvent("#drop", "drop", { dataTransfer: dropped });
}

const steps = {
  /** Chooses archives, renames, pushes all, and reads what the page says about it. */
  async push() {
    return withPage(async (page) => {
      await choose(page, ...given.files);
      for (const file of given.files) await inState(page, file, "ready");
      const offered = {};
      for (const file of given.files) {
        const inputs = card(page, file).locator("input[type=text]");
        offered[file] = await inputs.evaluateAll((all) => all.map((one) => one.value));
        for (const [position, name] of Object.entries(given.names?.[file] ?? {})) await inputs.nth(Number(position)).fill(name);
      }
      if (given.files.length > 1) await page.locator("#push-all").click();
      else await card(page, given.files[0]).getByRole("button", { name: "Push", exact: true }).click();
      for (const file of given.files) await inState(page, file, "done");
      const results = {}, states = {};
      for (const file of given.files) {
        results[file] = await card(page, file).locator(".results strong").allTextContents();
        states[file] = await card(page, file).locator(".layers .state").allTextContents();
      }
      await page.waitForFunction(() => !document.querySelector("#registry").textContent.includes("loading"));
      const listed = await page.locator("#repositories summary").allTextContents();
      return { offered, results, states, listed };
    });
  },

  /** The bytes of each layer move while the body is still being sent. */
  async progress() {
    return withPage(async (page) => {
      // Slow enough to be seen.
      const network = await page.context().newCDPSession(page);
      await network.send("Network.emulateNetworkConditions",
        { offline: false, latency: 0, downloadThroughput: -1, uploadThroughput: given.bytes_per_second });
      await choose(page, given.file);
      await inState(page, given.file, "ready");
      await card(page, given.file).getByRole("button", { name: "Push", exact: true }).click();
      const seen = card(page, given.file).locator(".layers .state", { hasText: /uploading [1-9]\d* %/ });
      await seen.first().waitFor();
      const sent = await card(page, given.file).locator("progress").first().evaluate((bar) => bar.value);
      assert.ok(sent < 100, `${sent}`);
      if (given.then === "cancel") {
        await card(page, given.file).getByRole("button", { name: "Cancel" }).click();
        await inState(page, given.file, "cancelled");
        return { text: await card(page, given.file).innerText() };
      }
      await inState(page, given.file, "done");
      return { states: await card(page, given.file).locator(".layers .state").allTextContents() };
    });
  },

  /** Cancel while the stream of events is only asked for: nothing may be sent any more. */
  async cancelEarly() {
    return withPage(async (page) => {
      let asked, answer;
      const isAsked = new Promise((resolve) => { asked = resolve; });
      const mayAnswer = new Promise((resolve) => { answer = resolve; });
      const puts = [];
      page.on("request", (request) => { if (request.method() === "PUT") puts.push(request.url()); });
      await page.route("**/push/events*", async (route) => {
        asked();
        await mayAnswer;
        await route.continue().catch(() => {});
      });
      await choose(page, given.file);
      await inState(page, given.file, "ready");
      await card(page, given.file).getByRole("button", { name: "Push", exact: true }).click();
      await isAsked;
      await card(page, given.file).getByRole("button", { name: "Cancel" }).click();
      answer();
      await inState(page, given.file, "cancelled"); // after whatever was sent was answered
      return { puts };
    });
  },

  /** An archive whose names are markup. */
  async markup() {
    return withPage(async (page) => {
      page.on("dialog", () => assert.fail("a script ran"));
      await choose(page, given.file);
      await inState(page, given.file, "ready");
      assert.equal(await page.locator(".card img, .card b, .card script").count(), 0);
      return { offered: await card(page, given.file).locator("input[type=text]").inputValue(),
               text: await card(page, given.file).innerText() };
    });
  },

  /** What the registry's list says about a tag: platforms, sizes, and the layers of each platform. */
  async list() {
    return withPage(async (page) => {
      const button = page.getByRole("button", { name: `Layers of ${given.name}` });
      await page.waitForFunction(() => document.querySelector("[aria-controls]:not(:disabled)"));
      const row = page.locator("tr", { has: button });
      const cells = await row.locator("td").allInnerTexts();
      const below = page.locator(`#${await button.getAttribute("aria-controls")}`);
      assert.equal(await below.isVisible(), false);
      await button.focus();
      await page.keyboard.press("Enter");
      assert.equal(await button.getAttribute("aria-expanded"), "true");
      await below.waitFor();
      return { cells, platforms: await below.locator("h4").allInnerTexts(), layers: await below.locator("li").allInnerTexts() };
    });
  },

  /** A large file from the disk, as it is. */
  async big() {
    return withPage(async (page) => {
      await choose(page, given.file);
      await inState(page, given.file, "ready");
      await card(page, given.file).getByRole("button", { name: "Push", exact: true }).click();
      await inState(page, given.file, "done", "failed");
      return { text: await card(page, given.file).innerText() };
    });
  },

  /** What the page says about an archive that is not good, before or after it was sent. */
  async broken() {
    return withPage(async (page) => {
      await choose(page, given.file);
      await inState(page, given.file, "ready", "broken");
      const state = await card(page, given.file).getAttribute("data-state");
      if (state === "ready") {
        await card(page, given.file).locator("button.primary").click();
        await inState(page, given.file, "failed");
      }
      return { state, kind: await card(page, given.file).locator(".badge").innerText(), problem: await card(page, given.file).locator("[role=alert]").innerText() };
    }, given.look);
  },

  /** Only with keys: a wrong password, the right one, a push, a session that ends, logging out. */
  async login() {
    return withPage(async (page) => {
      const seen = {};
      const form = page.locator("#login-form");
      assert.equal(await page.locator("#content").isVisible(), false);
      seen.focused = await page.evaluate(() => document.activeElement.id);
      if (given.picture) await page.screenshot({ path: given.picture, fullPage: true });
      if (given.wrong) {
        await page.keyboard.type(given.login.username);
        await page.keyboard.press("Tab");
        await page.keyboard.type(given.wrong);
        await page.keyboard.press("Enter");
        await page.locator("#login-problem:not(:empty)").waitFor();
        seen.problem = await page.locator("#login-problem").innerText();
        assert.equal(await page.evaluate(() => document.activeElement.id), "password");
        if (given.wrong_picture) await page.screenshot({ path: given.wrong_picture, fullPage: true });
      } else {
        await page.keyboard.type(given.login.username);
        await page.keyboard.press("Tab");
      }
      await page.keyboard.type(given.login.password);
      await page.keyboard.press("Enter");
      await page.locator("#target:not(:empty)").waitFor();
      assert.equal(await form.isVisible(), false);
      seen.who = await page.locator("#user").innerText();
      seen.script_sees = await page.evaluate(() => document.cookie);
      seen.cookies = (await page.context().cookies()).map(({ name, httpOnly, secure, sameSite }) => ({ name, httpOnly, secure, sameSite }));
      await choose(page, given.file);
      await inState(page, given.file, "ready");
      if (given.inside_picture) await page.screenshot({ path: given.inside_picture, fullPage: true });
      await card(page, given.file).locator("button.primary").click();
      await inState(page, given.file, "done");
      seen.results = await card(page, given.file).locator(".results strong").allTextContents();
      // Loaded anew, the session goes on; when it ends on the server, the form comes back.
      await page.reload();
      await page.locator("#target:not(:empty)").waitFor();
      await page.waitForLoadState("networkidle"); // or what the page still asks for brings the form back
      await page.context().clearCookies();
      await page.locator("#refresh").click();
      await form.waitFor();
      seen.note = await page.locator("#login-note").innerText();
      await page.locator("#username").fill(given.login.username);
      await page.locator("#password").fill(given.login.password);
      await page.keyboard.press("Enter");
      await page.locator("#log-out").click();
      await form.waitFor();
      seen.after_logout = (await page.context().cookies()).length;
      assert.equal(await page.locator("#content").isVisible(), false);
      const wide = await page.evaluate(() => document.documentElement.scrollWidth > document.documentElement.clientWidth);
      assert.equal(wide, false, "the page scrolls sideways");
      return seen;
    }, given.look);
  },

  /** What the form says when there were too many wrong passwords. */
  async locked_out() {
    return withPage(async (page) => {
      await page.locator("#login-problem:not(:empty)").waitFor();
      return { problem: await page.locator("#login-problem").innerText() };
    });
  },

  /** Only with keys: to the button of a tag, the question, first no, then yes. */
  async delete() {
    return withPage(async (page) => {
      const button = page.getByRole("button", { name: `Delete ${given.name}` });
      await button.focus();
      await page.keyboard.press("Enter");
      await page.locator("#confirm[open]").waitFor();
      await page.keyboard.press("Escape");
      assert.equal(await page.locator("#confirm[open]").count(), 0);
      await button.focus();
      await page.keyboard.press("Enter");
      await page.getByRole("dialog").getByRole("button", { name: "Delete", exact: true }).press("Enter");
      await button.waitFor({ state: "detached" });
      return { said: await page.locator("#live").textContent() };
    });
  },

  /** The page as it looks with an archive of each kind, and after a push. */
  async picture() {
    return withPage(async (page) => {
      await choose(page, ...given.files);
      for (const file of given.files) await inState(page, file, "ready", "broken");
      await card(page, given.files[0]).locator("button.primary").click();
      await inState(page, given.files[0], "done");
      await page.waitForFunction(() => document.querySelector("#registry-note").textContent === "");
      await page.locator("td[data-label]").first().waitFor();
      await page.waitForFunction(() => document.querySelector("[aria-controls]:not(:disabled)"));
      await page.evaluate(() => {
        document.querySelector("#terminal").open = true;
        document.querySelector("[aria-controls]").click();
      });
      await page.screenshot({ path: given.to, fullPage: true });
      const wide = await page.evaluate(() => document.documentElement.scrollWidth > document.documentElement.clientWidth);
      assert.equal(wide, false, "the page scrolls sideways");
      // Every field and button has a name for those who do not see it.
      const nameless = await page.locator("input, button, progress").evaluateAll((all) => all
        .filter((one) => !(one.getAttribute("aria-label") || one.textContent.trim() || one.labels?.[0]?.textContent.trim()))
        .map((one) => one.outerHTML));
      assert.deepEqual(nameless, []);
      return { lang: await page.evaluate(() => document.documentElement.lang), title: await page.locator("#push-title").textContent() };
    }, given.look);
  },
};

const result = await steps[scenario]();
console.log(JSON.stringify(result));
