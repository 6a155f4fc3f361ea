// Tells what was committed, in the order in which it ran, to a second server that nothing ever happens
// to, and compares: every answer that clients were given, and all that is there at the end. It covers
// every family of commands, scripts, transactions, waits and times, where history.ts covers the logs.
//
// What was refused is not told, nor is a command of a transaction that failed by the storage: if it
// has left something all the same, the contents differ.

import type { Bytes } from "../../src/base/bytes.ts";
import { MemoryEngine } from "../../src/engine/memory.ts";
import { ReplyReader } from "../../src/resp/reader.ts";
import { ErrorReply, MapReply, NullArray, type Reply } from "../../src/resp/reply.ts";
import { format } from "../conversations/notation.ts";
import { normal } from "../differential/normal.ts";
import { Asker, contentOf } from "./asker.ts";
import { LawBroken, mustHold, type Law } from "./law.ts";
import { EVENTS, eventIn } from "./messages.ts";
import { lastOf, type Request } from "./operation.ts";
import type { Run } from "./probe.ts";
import { SimulatedServer } from "./simulated-server.ts";
import { describe, isStorageError, tellsOfRefusal } from "./storage-errors.ts";
import { whole } from "../support/whole.ts";

export interface Ran {
  readonly request: Request;
  readonly run: Run;
}

/** Depends on the moment, on chance, or on what is not content. */
const NOT_COMPARED = /^(?:DUMP|WAITAOF|XREAD|PUBLISH)$/i;

export interface Outcome {
  readonly content: readonly string[];
  readonly events: readonly string[];
}

/** Hears the keyspace events of the second server. */
class Ear {
  #events: string[] = [];

  constructor(server: SimulatedServer) {
    const reader = new ReplyReader();
    const session = server.running.core.openSession({
      write: (bytes) => {
        reader.push(whole(bytes));
        for (let reply = reader.next(); reply !== undefined; reply = reader.next()) {
          const event = Array.isArray(reply) ? eventIn(reply) : null;
          if (event !== null) this.#events.push(event);
        }
      },
      abandon: () => {},
      closeAfterFlush: () => {},
    });
    session.execute(["PSUBSCRIBE", EVENTS]);
  }

  taken(): readonly string[] {
    const events = this.#events;
    this.#events = [];
    return events;
  }
}

export class Replay {
  readonly #lines: readonly string[];
  #server: SimulatedServer;
  #ear: Ear;
  #askers = new Map<number, Asker>();

  private constructor(lines: readonly string[], server: SimulatedServer) {
    this.#lines = lines;
    this.#server = server;
    this.#ear = new Ear(server);
  }

  static async start(lines: readonly string[], nowMs: number): Promise<Replay> {
    return new Replay(lines, await startOracle(lines, new MemoryEngine(), nowMs));
  }

  /**
   * Takes in what ran until a server died or came to rest at `endMs`; answers what must be there, and
   * which events there were, those of what was lost too. Goes on from there, without what was lost.
   */
  async take(ran: readonly Ran[], endMs: number): Promise<Outcome> {
    const effective = ran.filter(({ request, run }) => request.run === run);
    const isLost = ({ run }: Ran): boolean => run.wrote && run.batch.fate === "lost";
    const cut = effective.findIndex(isLost);
    const kept = cut === -1 ? effective : effective.slice(0, cut);
    for (const one of kept) await this.#tell(one);
    if (cut === -1) {
      const { clock } = this.#server;
      if (endMs > clock.nowMs()) clock.advance(endMs - clock.nowMs());
      for (const asker of this.#askers.values()) asker.leave();
      this.#askers.clear();
      return { content: await contentOf(this.#server), events: this.#ear.taken() };
    }
    await this.#server.engine.checkpoint("end");
    const copy = this.#server.engine.checkpoints.get("end");
    if (copy === undefined) throw new Error("the copy is not there");
    for (const one of effective.slice(kept.length)) await this.#tell(one);
    const events = this.#ear.taken();
    this.end();
    this.#server = await startOracle(this.#lines, copy, endMs);
    this.#ear = new Ear(this.#server);
    this.#askers = new Map();
    return { content: await contentOf(this.#server), events };
  }

  end(): void {
    this.#server.bury();
  }

  async #tell({ request, run }: Ran): Promise<void> {
    if (request.args[0] === "WATCH") {
      await this.#answer(request, run, undefined);
      return;
    }
    const told = run.bytes === null ? undefined : parsed(run.bytes);
    if (run.wrote ? !this.#mustBeTold({ request, run }, told) : !mayBeTold(request, told)) return;
    if (!run.wrote && isStorageErrorOfScript(request, told)) return;
    const answer = await this.#answer(request, run, told);
    if (told === undefined || (!run.wrote && this.#wasReadAgain(request, told))) return;
    if (NOT_COMPARED.test(request.args[0] ?? "")) return;
    compare(request, told, answer);
  }

  /** Read again after a refusal, in another moment. */
  #wasReadAgain(request: Request, told: Reply): boolean {
    const [reply] = request.replies;
    return reply !== undefined && format(reply) !== format(told);
  }

  /** Whether it counts; what clients heard of it must be the truth either way. */
  #mustBeTold({ request, run }: Ran, told: Reply | undefined): boolean {
    const { fate, wasInDoubt } = run.batch;
    const reply = request.replies[0];
    const law: Law = wasInDoubt ? 9 : 5;
    const what = describe(request.args);
    if (fate === "committed" || fate === "lost") {
      const isTrue = reply === undefined || told === undefined || format(reply) === format(told);
      mustHold(law, isTrue, `${what} is applied, and was told ${format(reply ?? null)}`);
      return true;
    }
    if (reply !== undefined) {
      const isTold = request.args[0] === "EXEC" ? tellsOfRefusal(reply) : isStorageError(reply);
      mustHold(law, isTold, `${what} was refused (${fate}), and was told ${format(reply)}`);
    }
    return false;
  }

  async #answer(request: Request, run: Run, told: Reply | undefined): Promise<Reply | undefined> {
    const { clock } = this.#server;
    if (run.nowMs > clock.nowMs()) clock.advance(run.nowMs - clock.nowMs());
    const asker = this.#askerOf(run);
    const [name] = request.args;
    if (name !== "EXEC") {
      if (name === "WATCH") await asker.ask(["UNWATCH"]);
      const answer = await asker.ask(request.args);
      if (answer === undefined) await asker.giveUp();
      return answer;
    }
    const { requests } = request.operation;
    if (requests[0]?.args[0] !== "WATCH") await asker.ask(["UNWATCH"]);
    const queued = requests.slice(requests.findIndex(({ args }) => args[0] === "MULTI") + 1, -1);
    await asker.ask(["MULTI"]);
    for (const [index, { args }] of queued.entries()) {
      const element = Array.isArray(told) ? told[index] : undefined;
      if (!isStorageError(element) && !isTooLarge(element)) await asker.ask(args);
    }
    return asker.ask(["EXEC"]);
  }

  #askerOf(run: Run): Asker {
    let asker = this.#askers.get(run.sessionId);
    if (asker === undefined) {
      asker = new Asker(this.#server);
      this.#askers.set(run.sessionId, asker);
    }
    asker.session.databaseIndex = run.databaseIndex;
    asker.session.protocol = run.protocol;
    return asker;
  }
}

function startOracle(
  lines: readonly string[],
  engine: MemoryEngine,
  nowMs: number,
): Promise<SimulatedServer> {
  return SimulatedServer.start({ engine, nowMs, lines, onRun: () => {} });
}

/** Whether what did not write has an answer that rests on nothing but what is committed. */
function mayBeTold(request: Request, told: Reply | undefined): boolean {
  const [reply] = request.replies;
  if (reply === undefined || told === undefined) return false;
  if (isStorageError(told) || tellsOfRefusal(reply)) return false;
  return !hasUndoneWatch(request) || !isNull(reply);
}

/** What the WATCH saw may be undone by now: the key is then not the one it saw. */
function hasUndoneWatch({ operation: { requests } }: Request): boolean {
  const run = requests[0]?.args[0] === "WATCH" ? requests[0].run : null;
  return run !== null && (run.batch.fate === "refused" || run.before.fate === "refused");
}

export function parsed(bytes: Bytes): Reply | undefined {
  const reader = new ReplyReader();
  reader.push(whole(bytes));
  const reply = reader.next();
  mustHold(2, reply !== undefined && reader.isBetweenReplies, `not one reply: ${bytes}`);
  return reply;
}

function isTooLarge(reply: Reply | undefined): boolean {
  return reply instanceof ErrorReply && reply.text.startsWith("ERR write batch too large");
}

/** Its commands were refused by the storage and not by their own fault: another run would differ. */
function isStorageErrorOfScript(request: Request, told: Reply | undefined): boolean {
  const isScript = /^(?:EVAL|FCALL)$/.test(request.args[0] ?? "");
  return isScript && Array.isArray(told) && told.some((element: Reply) => isStorageError(element));
}

function compare(request: Request, told: Reply, answer: Reply | undefined): void {
  const { requests } = request.operation;
  const what = requests.map(({ args }) => args.join(" ")).join(" / ");
  const differs = (mine: string, other: string): LawBroken =>
    new LawBroken("order", `${JSON.stringify(what)} was told ${mine}, and should be ${other}`);
  if (answer === undefined) throw differs(format(told), "waiting");
  if (request !== lastOf(request.operation) || request.args[0] !== "EXEC") {
    const mine = shapeOf(request.args, told);
    const other = shapeOf(request.args, answer);
    if (mine !== other) throw differs(mine, other);
    return;
  }
  if (!Array.isArray(told) || !Array.isArray(answer)) {
    const isSame = isNull(told) ? isNull(answer) : format(told) === format(answer);
    if (!isSame) throw differs(format(told), format(answer));
    return;
  }
  compareElements(request, { told, answer }, differs);
}

function compareElements(
  { operation: { requests } }: Request,
  { told, answer }: { told: readonly Reply[]; answer: readonly Reply[] },
  differs: (mine: string, other: string) => LawBroken,
): void {
  const queued = requests.slice(requests.findIndex(({ args }) => args[0] === "MULTI") + 1, -1);
  let at = 0;
  for (const [index, { args }] of queued.entries()) {
    const mine: Reply = told[index] ?? null;
    if (isStorageError(mine) || isTooLarge(mine)) continue;
    const other: Reply = answer[at++] ?? null;
    if (NOT_COMPARED.test(args[0] ?? "")) continue;
    const [left, right] = [shapeOf(args, mine), shapeOf(args, other)];
    if (left !== right) throw differs(left, right);
  }
}

function isNull(reply: Reply): boolean {
  return reply === null || reply instanceof NullArray;
}

/** A script's answers have the order of their commands: sets and hashes in them are sorted. */
function shapeOf(args: readonly Bytes[], reply: Reply): string {
  if (!/^(?:EVAL|FCALL)$/i.test(args[0] ?? "") || !Array.isArray(reply)) return normal(args, reply);
  return reply.map((item: Reply) => sortedText(item)).join(" ");
}

function sortedText(reply: Reply): string {
  if (reply instanceof MapReply) return reply.flat.map(format).toSorted().join(" ");
  return Array.isArray(reply) ? `[${reply.map(format).toSorted().join(" ")}]` : format(reply);
}
