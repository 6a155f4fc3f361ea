// FUNCTION STATS: how many libraries and functions there are. While a script takes long nobody can look, and the
// last known numbers are told.

import type { View } from "../keyspace/view.ts";
import { internalUnit } from "../commit/unit.ts";
import { MapReply, type Reply } from "../resp/reply.ts";
import type { Scripting } from "../scripting/scripting.ts";
import * as library from "../types/function-library.ts";
import type { Core } from "./core.ts";

/** Looks which libraries there are. Throws CommandError when one of them cannot be loaded. */
export function noteFunctions({ pipeline, host }: Pick<Core, "pipeline" | "host">): Promise<void> {
  const look = (view: View): void => host.scripting.note(library.read(view));
  return pipeline.perform(internalUnit(pipeline.keyspace.system, look, () => []));
}

export async function functionStats(core: Core, scripting: Scripting): Promise<Reply> {
  const { pipeline, host } = core;
  if (!pipeline.isExclusive) await noteFunctions(core);
  const { libraryCount, functionCount } = scripting;
  const lua = new MapReply(["libraries_count", libraryCount, "functions_count", functionCount]);
  return new MapReply([
    "running_script",
    host.longScripts.describe(),
    "engines",
    new MapReply(["LUA", lua]),
  ]);
}
