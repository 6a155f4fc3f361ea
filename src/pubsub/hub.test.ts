import assert from "node:assert/strict";
import { test } from "node:test";

import { EVENT_CLASSES, NOTIFY_KEYEVENT, NOTIFY_KEYSPACE } from "../keyspace/event.ts";
import { Hub, type Subscriber } from "./hub.ts";
import { publishKeyEvent } from "./key-events.ts";
import { formatNotifyFlags, parseNotifyFlags } from "./notify-flags.ts";

class Ear implements Subscriber {
  readonly protocol: 2 | 3;
  heard = "";
  pieces = 0;

  constructor(protocol: 2 | 3) {
    this.protocol = protocol;
  }

  tell(bytes: string): void {
    this.heard += bytes;
    this.pieces++;
  }
}

test("a message is told once for each subscription it meets, in the subscriber's protocol", () => {
  const hub = new Hub();
  const old = new Ear(2);
  const modern = new Ear(3);
  hub.subscribe("channel", "a", old);
  hub.subscribe("channel", "a", modern);
  hub.subscribe("pattern", "?", modern);
  hub.subscribe("shard", "a", modern);
  hub.subscribe("pattern", "b*", old);
  assert.equal(hub.receiverCount("channel", "a"), 3);
  hub.publish("channel", "a", "hi");
  assert.equal(old.heard, "*3\r\n$7\r\nmessage\r\n$1\r\na\r\n$2\r\nhi\r\n");
  assert.equal(
    modern.heard,
    ">3\r\n$7\r\nmessage\r\n$1\r\na\r\n$2\r\nhi\r\n" +
      ">4\r\n$8\r\npmessage\r\n$1\r\n?\r\n$1\r\na\r\n$2\r\nhi\r\n",
  );
});

test("shard channels are a space of their own", () => {
  const hub = new Hub();
  const ear = new Ear(3);
  hub.subscribe("shard", "a", ear);
  hub.subscribe("pattern", "*", ear);
  assert.equal(hub.receiverCount("shard", "a"), 1);
  hub.publish("shard", "a", "hi");
  assert.equal(ear.heard, ">3\r\n$8\r\nsmessage\r\n$1\r\na\r\n$2\r\nhi\r\n");
  assert.deepEqual(hub.channels("channel", null), []);
  assert.deepEqual(hub.channels("shard", null), ["a"]);
});

test("subscribing twice is subscribing once, and nothing is left behind", () => {
  const hub = new Hub();
  const ear = new Ear(2);
  assert.equal(hub.subscribe("channel", "a", ear), true);
  assert.equal(hub.subscribe("channel", "a", ear), false);
  assert.equal(hub.subscriberCount("channel", "a"), 1);
  assert.equal(hub.isDeaf, false);
  assert.equal(hub.unsubscribe("channel", "a", ear), true);
  assert.equal(hub.unsubscribe("channel", "a", ear), false);
  assert.equal(hub.isDeaf, true);
  assert.deepEqual(hub.channels("channel", null), []);
  hub.publish("channel", "a", "hi");
  assert.equal(ear.heard, "");
});

test("patterns are counted once each, channels are listed by pattern", () => {
  const hub = new Hub();
  for (const ear of [new Ear(2), new Ear(3)]) {
    hub.subscribe("pattern", "n*", ear);
    hub.subscribe("channel", "news", ear);
    hub.subscribe("channel", "\xff\x00", ear);
  }
  assert.equal(hub.patternCount, 1);
  assert.equal(hub.receiverCount("channel", "news"), 4);
  assert.deepEqual(hub.channels("channel", "n?ws"), ["news"]);
  assert.deepEqual(hub.channels("channel", "\xff*"), ["\xff\x00"]);
});

test("a message longer than a piece arrives whole", () => {
  const hub = new Hub();
  const ear = new Ear(2);
  hub.subscribe("channel", "a", ear);
  const payload = "x".repeat(3_000_000);
  hub.publish("channel", "a", payload);
  assert.ok(ear.pieces > 1);
  assert.equal(ear.heard, `*3\r\n$7\r\nmessage\r\n$1\r\na\r\n$3000000\r\n${payload}\r\n`);
});

test("a key event goes to the channels that the mask asks for", () => {
  const event = { eventClass: "string", name: "set", databaseIndex: 3, key: "k y" } as const;
  const heard = (mask: number): string[] => {
    const hub = new Hub();
    const ears = [new Ear(2), new Ear(2)] as const;
    hub.subscribe("channel", "__keyspace@3__:k y", ears[0]);
    hub.subscribe("channel", "__keyevent@3__:set", ears[1]);
    publishKeyEvent(hub, mask, event);
    return ears.map((ear) => ear.heard.split("\r\n").at(-2) ?? "");
  };
  assert.deepEqual(heard(NOTIFY_KEYSPACE), ["set", ""]);
  assert.deepEqual(heard(NOTIFY_KEYEVENT), ["", "k y"]);
  assert.deepEqual(heard(NOTIFY_KEYSPACE | NOTIFY_KEYEVENT), ["set", "k y"]);
  assert.deepEqual(heard(0), ["", ""]);
});

test("flags of notify-keyspace-events are read and written as Redis does", () => {
  const normal = (text: string) => formatNotifyFlags(parseNotifyFlags(text) ?? -1);
  assert.equal(normal(""), "");
  assert.equal(normal("KEA"), "AKE");
  assert.equal(normal("mKg$"), "g$Km");
  assert.equal(normal("dtexzhsl$g"), "A");
  assert.equal(normal("EKndlsg"), "glsdnKE");
  assert.equal(normal("KKgg"), "gK");
  assert.equal(normal("An"), "An");
  assert.equal(parseNotifyFlags("KEX"), null);
  assert.equal(parseNotifyFlags("k"), null);
});

test("every class of events has a letter", () => {
  for (const bit of Object.values(EVENT_CLASSES)) {
    const text = formatNotifyFlags(bit);
    assert.equal(text.length, 1);
    assert.equal(parseNotifyFlags(text), bit);
  }
});
