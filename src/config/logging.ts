// Settings of the log, the slow log, latency, events, and of scripts.

import { immutable, runtime } from "./setting.ts";
import { eventMask, percentiles } from "./special-types.ts";
import { choice, flag, integer, MOST, path, text } from "./value-types.ts";

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
    { aliases: ["lua-time-limit"], noEffect: "this build runs no scripts" },
  ),
};
