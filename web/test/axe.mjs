// What axe-core finds wrong in a page for people who use a keyboard or a screen reader, or who see little.

import { readFile } from "node:fs/promises";
import { createRequire } from "node:module";

const axe = await readFile(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");

/** Returns the findings in a page as it is now, a line for each element. */
export async function findings(page) {
  if (!(await page.evaluate(() => "axe" in window))) await page.evaluate(axe);
  return page.evaluate(async () => {
    const { violations } = await window.axe.run(document, { resultTypes: ["violations"] });
    return violations.flatMap(({ id, help, nodes }) => nodes.map((n) => `${id}: ${help}: ${n.target.join(" ")}: ${n.failureSummary}`));
  });
}

/**
* Returns the findings in a page in both colour schemes, on a narrow and on a wide screen, and that it has to be scrolled
 * sideways.
 */
export async function findingsOnScreens(page) {
  const size = page.viewportSize();
  const all = [];
  for (const colorScheme of /** @type {const} */ (["light", "dark"])) {
    await page.emulateMedia({ colorScheme });
    for (const [width, height] of [[320, 568], [1100, 800]]) {
      await page.setViewportSize({ width, height });
      const found = await findings(page);
      if (await page.evaluate(() => document.documentElement.scrollWidth > innerWidth)) found.push("it is wider than the screen");
      all.push(...found.map((text) => `${colorScheme}, ${width} px: ${text}`));
    }
  }
  await page.emulateMedia({ colorScheme: null });
  await page.setViewportSize(size);
  return all;
}
