// A batch's bytes: what close() writes for each dirty record and each incarnation. It also notes on
// them what the disk will hold once the batch is committed; a refused batch puts that back.

import { assert } from "../base/assert.ts";
import type { Bytes } from "../base/bytes.ts";
import { ELEMENT_PREFIX_SIZE } from "../encoding/collection.ts";
import { expiryKey, KEY_HEADER_SIZE, writeKeyHeader, type KeyAddress } from "../encoding/key.ts";
import * as meta from "../encoding/meta.ts";
import { ABSENT, recordSize, writeHeader, writeRecord } from "../encoding/record.ts";
import { writeBytes } from "../encoding/varint.ts";
import { DATA, EXPIRY, META } from "../engine/engine.ts";
import { LONG_VALUE_BYTES, type WriteOps } from "../engine/write-ops.ts";
import type { Element } from "./home.ts";
import type { Incarnation } from "./incarnation.ts";
import type { Record } from "./record.ts";

/**
 * A dirty record as it is now, with its entry in the index of expiries. Returns where in the batch the length of
 * the put record begins, 0 when the key was deleted.
 */
export function encodeRecord(ops: WriteOps, record: Record): number {
  const { key, slot, hash, kind, value, incarnation } = record;
  const address = { incarnationId: incarnation.id, slot, hash };
  const keySize = KEY_HEADER_SIZE + key.length;
  let sizeAt = 0;
  if (kind === ABSENT) {
    if (record.stored) {
      ops.startDelete(DATA, keySize);
      writeKey(ops, address, key);
    }
  } else {
    assert(!record.isAway, "who changes a string has it, or a new one");
    incarnation.noteSlot(slot);
    ops.startPut(DATA, keySize, recordSize(value, record.expiryMs));
    ({ sizeAt } = ops);
    writeKey(ops, address, key);
    if (typeof value !== "string" || value.length < LONG_VALUE_BYTES) {
      writeRecord(ops.buffer, ops.valueAt, record);
    } else {
      ops.putOff(writeHeader(ops.buffer, ops.valueAt, record), value);
    }
  }
  const dueMs = kind === ABSENT ? 0 : record.dueMs;
  if (record.indexedDueMs !== dueMs) {
    if (record.indexedDueMs !== 0) {
      ops.delete(EXPIRY, expiryKey(record.indexedDueMs, address, key));
    }
    if (dueMs !== 0) ops.put(EXPIRY, expiryKey(dueMs, address, key), "");
    record.indexedDueMs = dueMs;
  }
  record.stored = kind !== ABSENT;
  return sizeAt;
}

/** A dirty element of an exploded collection as it is now. */
export function encodeElement(ops: WriteOps, element: Element): void {
  const { elements, subkey, content } = element;
  const keySize = ELEMENT_PREFIX_SIZE + subkey.length;
  if (content === null) {
    if (element.stored) {
      ops.startDelete(elements.store, keySize);
      writeBytes(ops.buffer, writeBytes(ops.buffer, ops.keyAt, elements.prefix), subkey);
    }
  } else {
    const isBytes = typeof content === "string";
    ops.startPut(elements.store, keySize, isBytes ? content.length : content.payloadSize);
    writeBytes(ops.buffer, writeBytes(ops.buffer, ops.keyAt, elements.prefix), subkey);
    if (isBytes) writeBytes(ops.buffer, ops.valueAt, content);
    else content.writePayload(ops.buffer, ops.valueAt);
  }
  element.stored = content !== null;
}

function writeKey(ops: WriteOps, address: KeyAddress, key: Bytes): void {
  writeKeyHeader(ops.buffer, ops.keyAt, address);
  writeBytes(ops.buffer, ops.keyAt + KEY_HEADER_SIZE, key);
}

/** The bits of slots that have got their first key. */
export function encodeSlots(ops: WriteOps, incarnation: Incarnation): void {
  for (const index of incarnation.dirtyChunks) {
    ops.put(META, meta.slotChunkKey(incarnation.id, index), incarnation.chunk(index));
  }
  incarnation.dirtyChunks.clear();
}

/** Whether the counts have changed and were written. */
export function encodeCounts(ops: WriteOps, incarnation: Incarnation): boolean {
  const { keyCount, expiringCount, storedKeyCount, storedExpiringCount } = incarnation;
  if (keyCount === storedKeyCount && expiringCount === storedExpiringCount) return false;
  ops.put(META, meta.countKey(incarnation.id), meta.encodeCounts({ keyCount, expiringCount }));
  incarnation.storedKeyCount = keyCount;
  incarnation.storedExpiringCount = expiringCount;
  return true;
}
