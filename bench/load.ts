// Connections that send at full speed, some commands at a time, and note how long the answers took: for
// loads that redis-benchmark cannot tell enough about. All answers of a load are of one length.

import { connect, type Socket } from "node:net";

import type { Target } from "./server-process.ts";

const MINUS = 0x2d;

export interface LoadShape {
  readonly clients: number;
  readonly pipeline: number;
  readonly command: () => string;
  readonly answerBytes: number;
}

export class Load {
  /** Commands answered. */
  answered = 0;
  /** The longest that a pipeline has waited for its last answer since somebody set this to 0. */
  slowestMs = 0;
  readonly #target: Target;
  readonly #shape: LoadShape;
  readonly #sockets: Socket[] = [];
  #isStopped = false;
  #problem: Error | null = null;

  constructor(target: Target, shape: LoadShape) {
    this.#target = target;
    this.#shape = shape;
    for (let index = 0; index < shape.clients; index++) this.#open();
  }

  /** Throws what a connection has met. */
  check(): void {
    if (this.#problem !== null) throw this.#problem;
  }

  stop(): void {
    this.#isStopped = true;
    for (const socket of this.#sockets) socket.destroy();
  }

  #open(): void {
    const { pipeline, command, answerBytes } = this.#shape;
    const { port, host } = this.#target;
    const socket = connect({ port, host, noDelay: true });
    this.#sockets.push(socket);
    const whole = pipeline * answerBytes;
    let missing = 0;
    let sentMs = 0;
    const send = (): void => {
      let text = "";
      for (let index = 0; index < pipeline; index++) text += command();
      missing = whole;
      sentMs = performance.now();
      socket.write(text, "latin1");
    };
    socket.on("connect", send);
    socket.on("data", (chunk: Buffer) => {
      if ((whole - missing) % answerBytes === 0 && chunk[0] === MINUS) this.#failed(chunk);
      missing -= chunk.length;
      if (missing < 0) this.#failed(chunk);
      if (missing !== 0) return;
      this.answered += pipeline;
      this.slowestMs = Math.max(this.slowestMs, performance.now() - sentMs);
      if (!this.#isStopped) send();
    });
    socket.on("error", (error) => {
      if (!this.#isStopped) this.#problem ??= error;
    });
  }

  #failed(chunk: Buffer): void {
    const words = chunk.toString("latin1", 0, 200);
    this.#problem ??= new Error(`an answer is not of the length expected: ${words}`);
  }
}
