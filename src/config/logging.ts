// Settings of the log, the slow log, latency, events, and of scripts.

import { immutable, runtime } from "./setting.ts";
import { eventMask, percentiles } from "./special-types.ts";
import { choice, flag, integer, memory, MOST, path, text } from "./value-types.ts";

const MB = 1024 ** 2;
const GB = 1024 ** 3;
const noSyslog = { noEffect: "the log goes to logfile or to standard output" };

export const loggingSettings = {
  loglevel: runtime(
    choice("debug", "verbose", "notice", "warning"),
    "notice",
    "How much the log tells; each level leaves out what stands before it.",
  ),
  logfile: immutable(path, "", "File the log is appended to; empty is standard output."),
  "syslog-enabled": immutable(flag, false, "Whether to log to syslog.", noSyslog),
  "syslog-ident": immutable(text, "kept", "Name in syslog.", noSyslog),
  "syslog-facility": immutable(
    choice("user", "local0", "local1", "local2", "local3", "local4", "local5", "local6", "local7"),
    "local0",
    "Facility in syslog.",
    noSyslog,
  ),
  "slowlog-log-slower-than": runtime(
    integer(-1, MOST),
    10_000,
    "Microseconds from which a command gets into the slow log; 0 takes all, -1 none.",
  ),
  "slowlog-max-len": runtime(integer(0, MOST), 128, "Entries the slow log holds."),
  "latency-monitor-threshold": runtime(
    integer(0, MOST),
    0,
    "Milliseconds from which LATENCY remembers an event; 0 switches it off.",
  ),
  "latency-tracking": runtime(
    flag,
    true,
    "Whether INFO latencystats tells how long commands take; it is counted either way.",
  ),
  "latency-tracking-info-percentiles": runtime(
    percentiles,
    [50, 99, 99.9],
    "Percentiles of that INFO latencystats shows.",
  ),
  "notify-keyspace-events": runtime(
    eventMask,
    "",
    "Which events are published. K: by key, E: by event; then the classes: g generic, $ strings, " +
      "l lists, s sets, h hashes, z sorted sets, x expired, e evicted, t streams, d modules, " +
      "m misses, n new keys; A is all but the last two. Empty is none.",
  ),
  "busy-reply-threshold": runtime(
    integer(0, MOST),
    5000,
    "Milliseconds after which a script may be killed and others are told BUSY; 0 never.",
    { aliases: ["lua-time-limit"] },
  ),
  "script-atomicity": runtime(
    choice("keep-writes", "all-or-nothing"),
    "keep-writes",
    "What an error that ends a script leaves. keep-writes: what was written before it, as in Redis. " +
      "all-or-nothing: nothing.",
    { from: "kept" },
  ),
  "script-time-max": runtime(
    integer(0, MOST),
    60_000,
    "Milliseconds after which a script is ended and what it wrote is undone; 0 never.",
    { from: "kept" },
  ),
  "script-memory-max": immutable(
    memory(16 * MB, 2 * GB),
    256 * MB,
    "What the values of Lua scripts may take; a script that needs more ends with an error.",
    { from: "kept" },
  ),
};
