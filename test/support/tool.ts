// Runs a program to its end, with bytes for its standard input, and gives back what it said.

import assert from "node:assert/strict";
import { spawn } from "node:child_process";

import type { Bytes } from "../../src/base/bytes.ts";

const LIMIT_MS = 120_000;

export interface ToolResult {
  readonly code: number | null;
  readonly stdout: Bytes;
  readonly stderr: Bytes;
}

export function runTool(
  program: string,
  args: readonly string[],
  input: Bytes = "",
): Promise<ToolResult> {
  return new Promise((resolve, reject) => {
    const child = spawn(program, args, { stdio: "pipe", timeout: LIMIT_MS, killSignal: "SIGKILL" });
    let stdout = "";
    let stderr = "";
    child.stdout.on("data", (chunk: Buffer) => {
      stdout += chunk.latin1Slice();
    });
    child.stderr.on("data", (chunk: Buffer) => {
      stderr += chunk.latin1Slice();
    });
    child.stdin.on("error", () => {
      // It ended before it had read everything; its exit code tells.
    });
    child.once("error", reject);
    child.once("close", (code) => resolve({ code, stdout, stderr }));
    child.stdin.end(Buffer.from(input, "latin1"));
  });
}

/** The same for a program that must end well and complain about nothing. */
export async function runToolWell(
  program: string,
  args: readonly string[],
  input: Bytes = "",
): Promise<Bytes> {
  const { code, stdout, stderr } = await runTool(program, args, input);
  assert.equal(code, 0, `${program} ended with ${code}: ${stdout}${stderr}`);
  assert.equal(stderr, "", `${program} complains`);
  return stdout;
}
