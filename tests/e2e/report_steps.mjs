// Opens the HTML report of a migration in a headless Chromium. Run by report.py:
//
//   node report_steps.mjs '{"file":…, "modules":…, "chromium":…, "pictures":FOLDER}'
//
// Prints one JSON object: what the browser complained about, and what a reader sees.
import { createRequire } from "node:module";
import { join } from "node:path";
import { pathToFileURL } from "node:url";

const given = JSON.parse(process.argv[2]);
const require = createRequire(pathToFileURL(given.modules + "/"));
const { chromium } = require("playwright-core");

const looks = { light: {}, dark: { colorScheme: "dark" }, narrow: { viewport: { width: 390, height: 900 } } };
const visibleRows = (page) => page.locator("tbody tr:visible").count();

const browser = await chromium.launch({ executablePath: given.chromium, args: ["--no-sandbox"] });
const seen = { complaints: [] };
try {
  for (const [name, look] of Object.entries(looks)) {
    const context = await browser.newContext({ viewport: { width: 1200, height: 900 }, ...look });
    const page = await context.newPage();
    page.on("pageerror", (error) => seen.complaints.push(String(error)));
    page.on("console", (line) => seen.complaints.push(`${line.type()}: ${line.text()}`));
    page.on("request", (request) => {
      if (request.url() !== pathToFileURL(given.file).href) seen.complaints.push(`asked for ${request.url()}`);
    });
    page.on("dialog", (dialog) => { seen.complaints.push("a dialog"); dialog.dismiss(); });
    await page.goto(pathToFileURL(given.file).href);
    // Nothing is wider than the window.
    const overflow = await page.evaluate(() => document.documentElement.scrollWidth - window.innerWidth);
    if (overflow > 0) seen.complaints.push(`${name}: ${overflow} pixels too wide`);
    if (given.pictures) await page.screenshot({ path: join(given.pictures, `report-${name}.png`), fullPage: true });
    if (name === "light") {
      seen.title = await page.title();
      seen.verdict = await page.locator(".verdict").innerText();
      seen.plots = await page.locator("figure svg").count();
      seen.background = await page.evaluate(() => getComputedStyle(document.body).backgroundColor);
      seen.states = await page.locator("td .state").allInnerTexts();
      seen.rows = await visibleRows(page);
      seen.text = await page.locator("body").innerText();
      if (await page.locator("label[for=only-failed]").count()) {
        await page.locator("label[for=only-failed]").click();
        seen.rowsFailed = await visibleRows(page);
        await page.keyboard.press("ArrowLeft"); // the filters are radio buttons
        seen.rowsAgain = await visibleRows(page);
      }
      await page.emulateMedia({ media: "print" });
      seen.printed = await page.locator(".filters").isVisible();
    }
    await context.close();
  }
} finally {
  await browser.close();
}
console.log(JSON.stringify(seen));
