// What this server is, and which Redis it can stand in for: client libraries decide by the second
// what they may ask of it.

export const KEPT_VERSION = "0.1.0";
export const REDIS_VERSION = "7.2.4";
