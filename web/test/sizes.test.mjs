// What a page downloads of the package.

import assert from "node:assert/strict";
import { test } from "node:test";
import { budgets, sizes } from "../build/sizes.mjs";

test("each entry of the package fits its budget", async (t) => {
  const reached = await sizes();
  assert.deepEqual(Object.keys(reached).sort(), Object.keys(budgets).sort());
  for (const [name, size] of Object.entries(reached)) {
    t.diagnostic(`${name}: ${size} B gzipped, budget ${budgets[name]} B`);
    assert.ok(size <= budgets[name], `${name} has ${size} B gzipped, more than its budget of ${budgets[name]} B`);
    assert.ok(size > budgets[name] * 0.85, `${name} has ${size} B gzipped: lower its budget of ${budgets[name]} B`);
  }
});
