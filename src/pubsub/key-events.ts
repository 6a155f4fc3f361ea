// Keyspace notifications: a key event becomes messages on the two channels Redis has for it.

import { NOTIFY_KEYEVENT, NOTIFY_KEYSPACE, type KeyEvent } from "../keyspace/event.ts";
import type { Hub } from "./hub.ts";

/** Tells of an event, as far as `mask` (notify-keyspace-events) asks for either channel. */
export function publishKeyEvent(hub: Hub, mask: number, event: KeyEvent): void {
  if (hub.isDeaf) return;
  const { databaseIndex, key, name } = event;
  if ((mask & NOTIFY_KEYSPACE) !== 0) {
    hub.publish("channel", `__keyspace@${databaseIndex}__:${key}`, name);
  }
  if ((mask & NOTIFY_KEYEVENT) !== 0) {
    hub.publish("channel", `__keyevent@${databaseIndex}__:${name}`, key);
  }
}
