// Law 5 under chance: whatever is written, published, held, refused and left unknown, what the
// listeners were told agrees with what the clients were answered. The seed is printed by fast-check.
//
// Every message carries its own number, so that one told twice, lost or out of order is seen:
//   a SET answered OK is told once, one answered by an error never
//   a plain PUBLISH is told once, whatever becomes of the writes around it
//   an EXEC of SET and PUBLISH is told as a whole or not at all, as its answer says
//   what is told of one connection's doings is told in their order

import assert from "node:assert/strict";
import { test } from "node:test";

import * as fc from "fast-check";

import { unreachable } from "../../src/base/assert.ts";
import { parseNotifyFlags } from "../../src/pubsub/notify-flags.ts";
import { Listener } from "../support/listener.ts";
import { openWorld, type Talker, type World } from "../support/world.ts";

const CLIENTS = 3;

type Turn = "settle" | "release" | "refuse" | "accept" | "hold" | "let";

type Step =
  | { readonly kind: Deed["kind"]; readonly client: number }
  | { readonly kind: Turn }
  | { readonly kind: "unknown"; readonly outcome: "applied" | "absent" };

const doing = fc
  .tuple(fc.constantFrom<Deed["kind"][]>("set", "publish", "exec"), fc.nat(CLIENTS - 1))
  .map(([kind, client]): Step => ({ kind, client }));
const turn = fc
  .constantFrom<Turn[]>("settle", "release", "refuse", "accept", "hold", "let")
  .map((kind): Step => ({ kind }));
const doubt = fc
  .constantFrom<("applied" | "absent")[]>("applied", "absent")
  .map((outcome): Step => ({ kind: "unknown", outcome }));
const steps = fc.array(
  fc.oneof(
    { weight: 6, arbitrary: doing },
    { weight: 4, arbitrary: turn },
    { weight: 1, arbitrary: doubt },
  ),
  { maxLength: 40 },
);

/** What one connection did, in order: the messages it leads to if it is done. */
interface Deed {
  readonly kind: "set" | "publish" | "exec";
  readonly messages: readonly string[];
}

test("what is told agrees with what is answered, whatever is refused", async () => {
  await fc.assert(
    fc.asyncProperty(steps, fc.boolean(), async (program, inBackground) => {
      await using world = await openWorld({
        pipeline: { backgroundBytes: inBackground ? 0 : Infinity },
        limits: { notifyMask: parseNotifyFlags("K$") ?? 0 },
      });
      const listener = new Listener(world, "PSUBSCRIBE *");
      const clients = Array.from({ length: CLIENTS }, () => world.connect());
      const deeds: Deed[][] = clients.map(() => []);
      for (const [number, step] of program.entries()) {
        if (!("client" in step)) await act(world, step);
        else {
          const client = clients[step.client];
          assert.ok(client !== undefined);
          deeds[step.client]?.push(say(client, step.kind, number));
        }
      }
      await rest(world);
      compare(clients, deeds, listener.told());
    }),
    { numRuns: 500 },
  );
});

function say(client: Talker, kind: Deed["kind"], number: number): Deed {
  const event = `__keyspace@0__:k${number} set`;
  const message = `news ${number}`;
  switch (kind) {
    case "set":
      client.say(`SET k${number} v`);
      return { kind, messages: [event] };
    case "publish":
      client.say(`PUBLISH news ${number}`);
      return { kind, messages: [message] };
    case "exec":
      client.say("MULTI");
      client.say(`PUBLISH news ${number}`);
      client.say(`SET k${number} v`);
      client.say("EXEC");
      return { kind, messages: [message, event] };
    default:
      return unreachable(kind);
  }
}

async function act(world: World, step: Exclude<Step, { client: number }>): Promise<void> {
  const { engine } = world;
  switch (step.kind) {
    case "settle":
      return world.settle();
    case "release":
      engine.releaseOne();
      return;
    case "refuse":
      engine.refuseCommits("stall", 1);
      return;
    case "accept":
      engine.acceptCommits();
      return;
    case "hold":
      engine.holdAsync();
      return;
    case "let":
      engine.stopHolding();
      return;
    case "unknown":
      engine.unknownCommits(step.outcome);
  }
}

/** Lets everything end. */
async function rest(world: World): Promise<void> {
  world.engine.stopHolding();
  await world.settle();
  world.clock.advance(200);
  await world.settle();
}

function compare(clients: readonly Talker[], deeds: Deed[][], told: readonly string[]): void {
  assert.equal(new Set(told).size, told.length, "something was told twice");
  let expectedCount = 0;
  for (const [index, client] of clients.entries()) {
    const answers = client.heard();
    const expected: string[] = [];
    for (const deed of deeds[index] ?? []) {
      // MULTI and what is queued, of which the SET may be refused already.
      if (deed.kind === "exec") answers.splice(0, 3);
      if (isDone(deed, answers.shift() ?? "")) expected.push(...deed.messages);
    }
    assert.deepEqual(answers, []);
    const mine = new Set((deeds[index] ?? []).flatMap((deed) => deed.messages));
    assert.deepEqual(
      told.filter((message) => mine.has(message)),
      expected,
    );
    expectedCount += expected.length;
  }
  assert.equal(told.length, expectedCount);
}

const YES_OR_NO: Readonly<Record<Deed["kind"], { yes: RegExp; no: RegExp | null }>> = {
  set: { yes: /^OK$/, no: /^-(TRYAGAIN|MISCONF) / },
  // It rests on no write, so nothing can refuse it.
  publish: { yes: /^1$/, no: null },
  exec: { yes: /^\[ 1, OK \]$/, no: /^(\[ -EXECABORT [^,]*, -EXECABORT [^,]* \]|-EXECABORT .*)$/ },
};

/** Whether the answer says that it was done; anything but a clear yes or no fails. */
function isDone(deed: Deed, answer: string): boolean {
  const { yes, no } = YES_OR_NO[deed.kind];
  if (yes.test(answer)) return true;
  assert.ok(no !== null && no.test(answer), `${deed.kind} answered ${answer}`);
  return false;
}
