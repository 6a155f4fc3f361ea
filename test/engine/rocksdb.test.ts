// The engine on disk does what every engine must.

import { openRocksEngine } from "../../src/engine/rocksdb.ts";
import { engineSuite } from "./suite.ts";
import { PLAIN_SETTINGS, TemporaryDirectory } from "./temporary.ts";

engineSuite("rocksdb", async () => {
  const directory = new TemporaryDirectory();
  const engine = await openRocksEngine(directory.path, PLAIN_SETTINGS);
  return {
    engine,
    async [Symbol.asyncDispose]() {
      await engine.close();
      directory[Symbol.dispose]();
    },
  };
});
