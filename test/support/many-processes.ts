// A kept-server of several processes, as users run it: each on a free port, all in one directory.
//
//   await using many = await ManyProcesses.start(folder.path);
//   using client = await many.client(1);

import assert from "node:assert/strict";

import { textOfReply } from "./reply-text.ts";
import { KeptProcess, type Ended } from "./kept-process.ts";
import { RawClient } from "./raw-client.ts";

const UP = /All \d+ processes are up, at ports ([\d ]+)/;

interface ManyOptions {
  readonly count?: number;
  readonly args?: readonly string[];
  readonly input?: string;
  /** Null: `args` says where to listen. */
  readonly port?: number | null;
}

export class ManyProcesses implements AsyncDisposable {
  readonly first: KeptProcess;
  readonly ports: readonly number[];

  private constructor(first: KeptProcess, ports: readonly number[]) {
    this.first = first;
    this.ports = ports;
  }

  static async start(dir: string, options: ManyOptions = {}): Promise<ManyProcesses> {
    const { count = 2, args = [], input, port = 0 } = options;
    const at = port === null ? [] : ["--port", String(port)];
    const first = KeptProcess.launch(
      [...at, "--processes", String(count), "--dir", dir, ...args],
      input === undefined ? {} : { input },
    );
    return await ManyProcesses.#whenUp(first);
  }

  /** As a configuration file says. */
  static async withFile(path: string): Promise<ManyProcesses> {
    return await ManyProcesses.#whenUp(KeptProcess.launch([path]));
  }

  static async #whenUp(first: KeptProcess): Promise<ManyProcesses> {
    await first.says(UP);
    const ports = (UP.exec(first.stdout)?.[1] ?? "").trim().split(" ").map(Number);
    return new ManyProcesses(first, ports);
  }

  client(index: number): Promise<RawClient> {
    return RawClient.connect(this.ports[index] ?? 0, { processId: this.first.pid });
  }

  /** The process id of one of them, as it says itself. */
  async pidOf(index: number): Promise<number> {
    using client = await this.client(index);
    const info = textOfReply(await client.say("INFO server"));
    const pid = Number(/process_id:(\d+)/.exec(info)?.[1]);
    assert.ok(pid > 0);
    return pid;
  }

  stop(): Promise<Ended> {
    return this.first.stop();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (!this.first.isOver) this.first.signal("SIGTERM");
    await this.first.ended();
    await this.first[Symbol.asyncDispose]();
  }
}
