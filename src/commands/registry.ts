// Every command there is, by upper-case name: one line a family.

import { bitmapCommands } from "./bitmap.ts";
import { connectionCommands } from "./connection.ts";
import { databaseCommands } from "./database.ts";
import { dumpCommands } from "./dump.ts";
import { expiryCommands } from "./expiry.ts";
import { keyCommands } from "./key.ts";
import { pubsubCommands } from "./pubsub.ts";
import { scanCommands } from "./scan.ts";
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
  ...transactionCommands,
  ...pubsubCommands,
};
