// Every command there is, by upper-case name: one line a family.

import { aclCommands } from "./acl.ts";
import { bitmapCommands } from "./bitmap.ts";
import { clientCommands } from "./client.ts";
import { clusterCommands } from "./cluster.ts";
import { commandCommands } from "./command.ts";
import { configCommands } from "./config.ts";
import { connectionCommands } from "./connection.ts";
import { databaseCommands } from "./database.ts";
import { debugCommands } from "./debug.ts";
import { dumpCommands } from "./dump.ts";
import { migrateCommands } from "./migrate.ts";
import { durabilityCommands } from "./durability.ts";
import { expiryCommands } from "./expiry.ts";
import { hashExpiryCommands } from "./hash-expiry-rows.ts";
import { geoCommands } from "./geo-rows.ts";
import { functionCommands } from "./function.ts";
import { hashCommands } from "./hash-rows.ts";
import { hyperloglogCommands } from "./hyperloglog.ts";
import { infoCommands } from "./info.ts";
import { keyCommands } from "./key.ts";
import { latencyCommands } from "./latency.ts";
import { listCommands } from "./list-rows.ts";
import { memoryCommands } from "./memory.ts";
import { moduleCommands } from "./module.ts";
import { monitorCommands } from "./monitor.ts";
import { pubsubCommands } from "./pubsub.ts";
import { scanCommands } from "./scan.ts";
import { scriptCommands } from "./script.ts";
import { serverCommands } from "./server.ts";
import { setCommands } from "./set-rows.ts";
import { shutdownCommands } from "./shutdown.ts";
import { slowlogCommands } from "./slowlog.ts";
import { streamCommands } from "./stream-rows.ts";
import { sortedSetRangeCommands } from "./sorted-set-range-rows.ts";
import { sortedSetCommands } from "./sorted-set-rows.ts";
import { sortCommands } from "./sort.ts";
import { stringCommands } from "./string-rows.ts";
import { transactionCommands } from "./transaction.ts";
import type { CommandRows } from "./table.ts";

export const COMMANDS: CommandRows = {
  ...stringCommands,
  ...bitmapCommands,
  ...hashCommands,
  ...hashExpiryCommands,
  ...setCommands,
  ...streamCommands,
  ...listCommands,
  ...sortedSetCommands,
  ...sortedSetRangeCommands,
  ...geoCommands,
  ...keyCommands,
  ...expiryCommands,
  ...scanCommands,
  ...dumpCommands,
  ...migrateCommands,
  ...databaseCommands,
  ...connectionCommands,
  ...clientCommands,
  ...aclCommands,
  ...commandCommands,
  ...slowlogCommands,
  ...latencyCommands,
  ...monitorCommands,
  ...configCommands,
  ...debugCommands,
  ...durabilityCommands,
  ...infoCommands,
  ...memoryCommands,
  ...hyperloglogCommands,
  ...serverCommands,
  ...sortCommands,
  ...shutdownCommands,
  ...transactionCommands,
  ...scriptCommands,
  ...functionCommands,
  ...pubsubCommands,
  ...clusterCommands,
  ...moduleCommands,
};
