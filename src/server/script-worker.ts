// The thread for long scripts: an interpreter of its own. Each redis.call is a message to the event loop, which
// runs the command; the thread sleeps until the answer is there. It is ended by ending the thread.

import { parentPort, receiveMessageOnPort, workerData } from "node:worker_threads";

import type { Bytes } from "../base/bytes.ts";
import type { Reply } from "../resp/reply.ts";
import { CommandError } from "../resp/errors.ts";
import { freeze, thaw } from "../resp/stored.ts";
import { Interpreter, ScriptAborted, type Call } from "../scripting/interpreter.ts";
import type { ScriptHost } from "../scripting/redis-library.ts";
import type { LongJob } from "../session/long-scripts.ts";
import type { FromThread, ToThread, ThreadData } from "./script-thread.ts";

if (parentPort === null) throw new Error("script-worker.ts is started by script-thread.ts");
const port = parentPort;
// oxlint-disable-next-line typescript/no-unsafe-type-assertion -- what script-thread.ts gives
const data = workerData as ThreadData;
const signal = new Int32Array(data.signal);
const interpreter = new Interpreter({
  memoryBytesMax: data.memoryBytesMax,
  // Nobody waits for this thread but who can end it.
  watch: { begin() {}, tick() {}, heavy() {} },
});

function say(message: FromThread): void {
  // oxlint-disable-next-line unicorn/require-post-message-target-origin -- a thread, no window
  port.postMessage(message);
}

function ask(message: FromThread): ToThread {
  Atomics.store(signal, 0, 0);
  say(message);
  for (;;) {
    const received = receiveMessageOnPort(port);
    // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- what script-thread.ts sends
    if (received !== undefined) return received.message as ToThread;
    Atomics.wait(signal, 0, 0);
    Atomics.store(signal, 0, 0);
  }
}

const host: ScriptHost = {
  call(args): Reply {
    const answer = ask({ what: "call", args });
    return answer.what === "reply" ? thaw(answer.reply) : null;
  },
  mayCall(args): boolean {
    const answer = ask({ what: "check", args });
    if (answer.what !== "allowed") throw new CommandError("ERR no such command");
    return answer.isAllowed;
  },
  log: (level, text) => say({ what: "log", level, text }),
};

function run(job: LongJob): Bytes {
  const call: Call = { keys: job.keys, argv: job.argv, host };
  try {
    return freeze(
      job.kind === "script"
        ? interpreter.runScript({ sha: job.sha, source: job.source }, call)
        : interpreter.runFunction({ code: job.code, name: job.name }, call),
    );
  } catch (error) {
    if (error instanceof ScriptAborted) return freeze(error.reply);
    throw error;
  }
}

port.on("message", (message: ToThread) => {
  if (message.what === "run") say({ what: "done", reply: run(message.job) });
});
