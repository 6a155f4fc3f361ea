// The bus between the processes of one server: a published message goes to every other one, as in Redis Cluster, once
// its commit is through. Each process listens on a Unix socket in a folder that only the server's user can enter, and
// connects to all others; a message is a RESP array of channel and payload, and the first array is the sender's index.
//
// Nothing is kept for who is away: a message is heard by those who listen when it is sent. What is on its way to a
// process that does not read is bounded; beyond the bound the connection is dropped, with what was in it.

import { rmSync } from "node:fs";
import { connect, createServer, type Server, type Socket } from "node:net";

import type { Bytes } from "../base/bytes.ts";
import type { Clock, Timer } from "../base/clock.ts";
import type { SlotMap } from "../cluster/slot-map.ts";
import type {
  ClusterLinkFacts,
  ClusterNodeFacts,
  ClusterPort,
  ClusterWay,
} from "../commands/ports.ts";
import type { Log } from "../observe/log.ts";
import type { Hub } from "../pubsub/hub.ts";
import { ARGUMENT_BYTES_MAX, Decoder } from "../resp/decoder.ts";
import { encodeParts } from "../resp/writer.ts";
import { busPath } from "./node-role.ts";

const RETRY_MS = 20;
const UNSENT_BYTES_MAX = 64 * 1024 * 1024;
/** Messages of one turn leave together, up to so much. */
const PIECE_BYTES = 64 * 1024;

export interface BusParts {
  readonly map: SlotMap;
  readonly folder: string;
  readonly hub: Hub;
  readonly clock: Clock;
  readonly log: Log;
}

interface Link {
  readonly socket: Socket;
  readonly createdMs: number;
  /** Messages may be given to it. */
  isReady: boolean;
}

export class Bus implements ClusterPort {
  messagesSent = 0;
  messagesReceived = 0;
  readonly #parts: BusParts;
  readonly #server: Server;
  readonly #to = new Map<number, Link>();
  readonly #from = new Map<number, Link>();
  readonly #retries = new Map<number, Timer>();
  #out: Bytes = "";
  #isStopped = false;

  constructor(parts: BusParts) {
    this.#parts = parts;
    this.#server = createServer((socket) => this.#welcome(socket));
  }

  /** Rejects with Node's error. */
  async start(): Promise<void> {
    const { map, folder, hub } = this.#parts;
    // One that was killed has left it behind.
    rmSync(busPath(folder, map.myIndex), { force: true });
    await new Promise<void>((resolve, reject) => {
      this.#server.once("error", reject);
      this.#server.listen(busPath(folder, map.myIndex), resolve);
    });
    for (const index of map.nodes.keys()) if (index !== map.myIndex) this.#reach(index);
    hub.relay = (channel, payload) => this.#send(channel, payload);
  }

  stop(): void {
    this.#isStopped = true;
    this.#flush();
    for (const timer of this.#retries.values()) timer.cancel();
    this.#server.close();
    for (const { socket } of this.#to.values()) socket.end();
    for (const { socket } of this.#from.values()) socket.destroy();
  }

  /** A process is up or away: who is up is reached at once. */
  setUp(index: number, isUp: boolean): void {
    const { map } = this.#parts;
    map.setUp(index, isUp);
    if (isUp && index !== map.myIndex && !this.#to.has(index)) this.#reach(index);
  }

  // ClusterPort

  nodes(way: ClusterWay): ClusterNodeFacts[] {
    const { map } = this.#parts;
    return map.nodes.map((node, index) => ({
      id: node.id,
      host: map.hostFor(way),
      port: map.portOf(node, way),
      plainPort: node.port,
      tlsPort: node.tlsPort,
      firstSlot: node.firstSlot,
      lastSlot: node.lastSlot,
      isMyself: index === map.myIndex,
      isUp: map.isUp(index),
    }));
  }

  links(): ClusterLinkFacts[] {
    return [...this.#facts("to", this.#to), ...this.#facts("from", this.#from)];
  }

  slotOf(key: Bytes): number {
    return this.#parts.map.slotOf(key);
  }

  #facts(direction: "to" | "from", links: ReadonlyMap<number, Link>): ClusterLinkFacts[] {
    const { nodes } = this.#parts.map;
    return [...links].map(([index, { socket, createdMs }]) => ({
      direction,
      nodeId: nodes[index]?.id ?? "",
      createdMs,
      unsentBytes: socket.writableLength,
    }));
  }

  // Sending

  #send(channel: Bytes, payload: Bytes): void {
    this.messagesSent += this.#to.size;
    if (this.#out === "") queueMicrotask(() => this.#flush());
    for (const part of encodeParts([channel, payload], 2)) {
      this.#out += part;
      if (this.#out.length > PIECE_BYTES) this.#flush();
    }
  }

  #flush(): void {
    const out = this.#out;
    this.#out = "";
    if (out === "") return;
    for (const [index, { socket, isReady }] of this.#to) {
      if (!isReady) continue;
      if (socket.writableLength + out.length > UNSENT_BYTES_MAX) {
        this.#parts.log.warning(
          `Process ${index} does not take the messages that are published: some of them are lost to it.`,
        );
        socket.destroy();
      } else socket.write(out, "latin1");
    }
  }

  #reach(index: number): void {
    const { map, folder, clock } = this.#parts;
    const socket = connect(busPath(folder, index));
    const link = { socket, createdMs: clock.nowMs(), isReady: false };
    this.#to.set(index, link);
    socket.on("connect", () => {
      socket.write(encodeParts([String(map.myIndex)], 2).join(""), "latin1");
      link.isReady = true;
    });
    socket.on("error", () => {
      // It is not there, or not any more; "close" follows.
    });
    socket.on("close", () => {
      this.#to.delete(index);
      if (this.#isStopped) return;
      const again = (): void => this.#reach(index);
      this.#retries.set(index, clock.after(RETRY_MS, again));
    });
  }

  // Hearing

  #welcome(socket: Socket): void {
    const decoder = new Decoder({ bulkBytesMax: ARGUMENT_BYTES_MAX });
    let sender: number | null = null;
    const { clock, hub } = this.#parts;
    socket.on("data", (chunk: Buffer) => {
      decoder.push(chunk);
      for (let args = decoder.next(); args !== null; args = decoder.next()) {
        const [channel = "", payload = ""] = args;
        if (sender === null) {
          sender = Number(channel);
          this.#from.set(sender, { socket, createdMs: clock.nowMs(), isReady: true });
          continue;
        }
        this.messagesReceived++;
        hub.publish("channel", channel, payload);
      }
      decoder.keep();
    });
    socket.on("error", () => {
      // The sender is gone; "close" follows.
    });
    socket.on("close", () => {
      if (sender !== null && this.#from.get(sender)?.socket === socket) this.#from.delete(sender);
    });
  }
}
