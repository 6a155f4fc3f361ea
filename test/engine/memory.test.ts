// The memory engine does what every engine must.

import { MemoryEngine } from "../../src/engine/memory.ts";
import { engineSuite } from "./suite.ts";

engineSuite("memory", () => {
  const engine = new MemoryEngine();
  return Promise.resolve({ engine, [Symbol.asyncDispose]: () => engine.close() });
});
