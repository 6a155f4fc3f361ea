// Runs what every engine must do against one kind of engine.

import { test } from "node:test";

import type { OpenEngine } from "./common.ts";
import { COMMIT_LOG } from "./suite-commit-log.ts";
import { CURSORS } from "./suite-cursors.ts";
import { LIFE } from "./suite-life.ts";
import { agreesWithModel } from "./suite-model.ts";
import { POINTS } from "./suite-points.ts";

export function engineSuite(name: string, open: OpenEngine): void {
  for (const [promise, run] of Object.entries({ ...POINTS, ...CURSORS, ...LIFE, ...COMMIT_LOG })) {
    test(`${name}: ${promise}`, async () => {
      await using opened = await open();
      await run(opened.engine);
    });
  }
  test(`${name}: random batches leave what a plain map would hold`, () => agreesWithModel(open));
}
