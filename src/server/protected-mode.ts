// protected-mode: a server without a password answers only this machine, so that one that was bound to
// every network by mistake gives nothing away.

export interface Newcomer {
  /** `protected-mode`. */
  readonly isProtected: boolean;
  /** Nobody has to say a password. */
  readonly isOpen: boolean;
  /** Where it comes from; "" when it cannot be told, null for a Unix socket. */
  readonly address: string | null;
}

export const DENIED =
  "DENIED Kept runs in protected mode and has no password, so it answers only connections from its " +
  "own machine: over the loopback interface or a Unix socket. To let others in, set a password with " +
  "'requirepass' (in the file, or with CONFIG SET from the machine itself), or keep them out by other " +
  "means and set 'protected-mode no'. Whether it listens on other networks at all is up to 'bind'.";

export function isDeniedByProtectedMode({ isProtected, isOpen, address }: Newcomer): boolean {
  if (!isProtected || !isOpen || address === null) return false;
  return !isLoopback(address);
}

function isLoopback(address: string): boolean {
  // An IPv4 peer of a socket for both families has its address inside an IPv6 one.
  const plain = address.replace(/^::ffff:(?=\d+\.)/i, "");
  return plain === "::1" || /^127(?:\.\d{1,3}){3}$/.test(plain);
}
