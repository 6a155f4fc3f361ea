// Every command there is, by upper-case name: one line a family.

import { bitmapCommands } from "./bitmap.ts";
import { clientCommands } from "./client.ts";
import { commandCommands } from "./command.ts";
import { connectionCommands } from "./connection.ts";
import { databaseCommands } from "./database.ts";
import { dumpCommands } from "./dump.ts";
import { expiryCommands } from "./expiry.ts";
import { keyCommands } from "./key.ts";
import { latencyCommands } from "./latency.ts";
import { monitorCommands } from "./monitor.ts";
import { pubsubCommands } from "./pubsub.ts";
import { scanCommands } from "./scan.ts";
import { slowlogCommands } from "./slowlog.ts";
import { stringCommands } from "./string-rows.ts";
import type { CommandRows } from "./table.ts";
import { transactionCommands } from "./transaction.ts";

export const COMMANDS: CommandRows = {
  ...stringCommands,
  ...bitmapCommands,
  ...keyCommands,
  ...expiryCommands,
  ...scanCommands,
  ...dumpCommands,
  ...databaseCommands,
  ...connectionCommands,
  ...clientCommands,
  ...commandCommands,
  ...slowlogCommands,
  ...latencyCommands,
  ...monitorCommands,
  ...transactionCommands,
  ...pubsubCommands,
};
