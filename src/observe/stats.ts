// Counters that any room may bump and INFO reads. Plain numbers: the hot path adds one and goes on.

export class Stats {
  keyspaceHits = 0;
  keyspaceMisses = 0;
  expiredKeys = 0;
  /** Fields of hashes that have died by themselves. */
  expiredFields = 0;
  /** Changes to keys since the start; Redis counts them since the last save. */
  changes = 0;
  /** `changes` at the last FLUSHALL. */
  changesAtFlush = 0;
  totalCommandsProcessed = 0;
  /** Microseconds that commands held the event loop: what they waited is not in it, and of an EXEC only its commands. */
  commandsUs = 0;
  totalConnectionsReceived = 0;
  rejectedConnections = 0;
  evictedClients = 0;
  /** Deleted collections and flushed databases that the collector has removed, and that it has met and not yet. */
  lazyFreed = 0;
  lazyPending = 0;
  totalNetInputBytes = 0;
  totalNetOutputBytes = 0;
  totalErrorReplies = 0;
  unexpectedErrorReplies = 0;
  aclAccessDeniedAuth = 0;
  aclAccessDeniedCommand = 0;
  aclAccessDeniedKey = 0;
  aclAccessDeniedChannel = 0;
  clientOutputBufferLimitDisconnections = 0;
  clientQueryBufferLimitDisconnections = 0;
  commits = 0;
  commitsInBackground = 0;
  commitsRefused = 0;
  commitsUnknown = 0;
  stallRetries = 0;
  coldReads = 0;
  onceReplayed = 0;
}
