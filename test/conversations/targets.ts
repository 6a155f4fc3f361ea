// The handlers alone as a target: no socket, no session, no disk.

import { COMMANDS } from "../../src/commands/registry.ts";
import { dataWorld } from "../../src/commands/testing.ts";
import type { CollectionLimits } from "../../src/keyspace/limits.ts";
import type { Bytes } from "../../src/base/bytes.ts";
import type { Reply } from "../../src/resp/reply.ts";
import type { Target } from "./transcript.ts";

/** LIST of encoding/record.ts. */
const LIST = 2;

export function handlersTarget(limits: Partial<CollectionLimits> = {}): Target {
  const world = dataWorld();
  Object.assign(world.view.limits.collections, limits);
  return {
    send(args) {
      return Promise.resolve(listStandIn(args, world) ?? world.run(...args));
    },
  };
}

/**
 * Wrong types have to be tried before there is a second type. While no list can be made, RPUSH of
 * one element makes a key that is one by kind and nothing more.
 */
function listStandIn(args: readonly Bytes[], world: ReturnType<typeof dataWorld>): Reply {
  const [name, key] = args;
  if (name !== "RPUSH" || key === undefined || COMMANDS["RPUSH"] !== undefined) return null;
  world.unit((view) => view.set(key, { kind: LIST, value: null, expiryMs: 0 }));
  return 1;
}
