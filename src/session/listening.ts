// What a connection listens to: its subscriptions (subscriptions.ts), made with the first one, since most connections
// have none; their bound; and how many there are, by which the session knows that it is a subscriber.

import type { Bytes } from "../base/bytes.ts";
import type { SubscriptionKind } from "../commands/ports.ts";
import { CommandError } from "../resp/errors.ts";
import type { Push, Reply } from "../resp/reply.ts";
import type { Session } from "./session.ts";
import { asElement, Subscriptions } from "./subscriptions.ts";

const NONE = { channel: 0, pattern: 0, shard: 0 } as const;

export class Listening {
  readonly #session: Session;
  #subscriptions: Subscriptions | null = null;

  constructor(session: Session) {
    this.#session = session;
  }

  get counts(): Readonly<Record<SubscriptionKind, number>> {
    return this.#subscriptions?.counts ?? NONE;
  }

  get names(): Readonly<Record<SubscriptionKind, ReadonlySet<Bytes>>> {
    return this.#start().names;
  }

  get bytes(): number {
    return this.#subscriptions?.bytes ?? 0;
  }

  subscribe(kind: SubscriptionKind, names: readonly Bytes[]): Reply | null {
    const subscriptions = this.#start();
    const { transactionBytesMax } = this.#session.host.settings;
    if (subscriptions.bytesWith(kind, names) > transactionBytesMax) {
      throw new CommandError("ERR subscriptions exceed client-query-buffer-limit");
    }
    return this.#confirm(subscriptions.subscribe(kind, names));
  }

  unsubscribe(kind: SubscriptionKind, names: readonly Bytes[]): Reply | null {
    return this.#confirm(this.#start().unsubscribe(kind, names));
  }

  #start(): Subscriptions {
    this.#subscriptions ??= new Subscriptions(this.#session.host.hub, this.#session);
    return this.#subscriptions;
  }

  #confirm(confirmations: readonly Push[]): Reply | null {
    if (this.#session.isInExec) {
      this.#count();
      return asElement(confirmations);
    }
    this.keep();
    for (const confirmation of confirmations) this.#session.push(confirmation);
    return null;
  }

  #count(): void {
    const subscriptions = this.#subscriptions;
    // An EXEC that waited for the disk may end when nobody is there any more.
    if (this.#session.isClosed) subscriptions?.clear();
    this.#session.subscriptionCount = subscriptions?.count ?? 0;
  }

  /** What has been subscribed to stays: the EXEC that did it has run to its end. */
  keep(): void {
    this.#subscriptions?.keep();
    this.#count();
  }

  /** The EXEC has been stopped and will run again. */
  revert(): void {
    this.#subscriptions?.revert();
    this.#count();
  }

  clear(): void {
    this.#subscriptions?.clear();
    this.#session.subscriptionCount = 0;
  }
}
