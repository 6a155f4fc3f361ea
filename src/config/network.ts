// Settings of listening, connections and TLS.

import { immutable, runtime } from "./setting.ts";
import { addresses, outputLimits, titleTemplate } from "./special-types.ts";
import {
  choice,
  choices,
  flag,
  INT_MAX,
  integer,
  memory,
  memoryOrPercent,
  MOST,
  octal,
  path,
  text,
} from "./value-types.ts";

const MB = 1024 ** 2;
/** Each takes a port, a directory and tens of megabytes. */
const PROCESSES_MAX = 128;

export const networkSettings = {
  bind: runtime(
    addresses,
    ["127.0.0.1", "-::1"],
    "Addresses to listen on. The default reaches only this machine; * and ::* reach all networks.",
  ),
  port: runtime(
    integer(0, 65535),
    6379,
    "TCP port. 0 picks a free one, which the log names; with a unixsocket it means no TCP at all.",
  ),
  unixsocket: immutable(path, "", "Path of a Unix socket to listen on as well; empty for none."),
  unixsocketperm: immutable(
    octal,
    0,
    "Permissions of the Unix socket, in octal; 0 leaves what the umask gives.",
  ),
  "tcp-backlog": immutable(
    integer(0, INT_MAX),
    511,
    "Connections the kernel may hold before the server has accepted them.",
  ),
  "tcp-keepalive": runtime(
    integer(0, INT_MAX),
    300,
    "Seconds of silence after which the kernel asks whether the peer is alive; 0 never asks.",
  ),
  timeout: runtime(
    integer(0, INT_MAX),
    0,
    "Seconds after which a silent connection is closed; 0 never. Subscribers, monitors and those " +
      "whose command still waits are left alone.",
  ),
  maxclients: runtime(
    integer(1, 4294967295),
    10000,
    "Connections at the same time; one more is told so and closed.",
  ),
  "protected-mode": runtime(
    flag,
    true,
    "Without a password, answer only connections from this machine: others are told DENIED.",
  ),
  "proto-max-bulk-len": runtime(
    memory(MB, MOST),
    512 * MB,
    "Longest argument a client may send, and longest string that may be stored.",
  ),
  "client-query-buffer-limit": runtime(
    memory(MB, MOST),
    1024 * MB,
    "Bytes a connection may have sent without completing a command; more closes it.",
  ),
  "client-output-buffer-limit": runtime(
    outputLimits,
    {
      normal: { hard: 0, soft: 0, softSeconds: 0 },
      replica: { hard: 256 * MB, soft: 64 * MB, softSeconds: 60 },
      pubsub: { hard: 32 * MB, soft: 8 * MB, softSeconds: 60 },
    },
    "Bytes of answers that may wait for a slow reader. Above the hard limit, or above the soft one " +
      "for that many seconds, the connection is closed; 0 is no limit. One line for each class: " +
      "normal, replica (there are none), pubsub.",
  ),
  "maxmemory-clients": runtime(
    memoryOrPercent(),
    0,
    "Memory all connections may use together, or that percentage of maxmemory; above it connections " +
      "are closed, the largest first. 0 is no limit beside those of each connection.",
  ),
  "bind-source-addr": runtime(text, "", "Address for connections the server makes itself.", {
    noEffect: "the server makes none",
  }),
  "socket-mark-id": immutable(
    integer(0, 4294967295),
    0,
    "Mark of the sockets for packet filters.",
    {
      noEffect: "Node cannot set it",
    },
  ),
  "io-threads": immutable(integer(1, 128), 1, "Threads for sockets.", {
    noEffect: "sockets live on the event loop; the disk has its threads in rocksdb.*",
  }),
  "io-threads-do-reads": immutable(flag, false, "Whether those threads also read.", {
    noEffect: "there are none",
  }),
  "max-new-connections-per-cycle": runtime(
    integer(1, 1000),
    10,
    "Connections accepted in one turn of the event loop.",
    { noEffect: "Node decides", hidden: true },
  ),
  "max-new-tls-connections-per-cycle": runtime(
    integer(1, 1000),
    1,
    "TLS connections accepted in one turn of the event loop.",
    { noEffect: "Node decides", hidden: true },
  ),
};

export const processSettings = {
  processes: immutable(
    integer(1, PROCESSES_MAX),
    1,
    "Server processes, for a machine with more than one core. With more than one they share out the slots of " +
      "Redis Cluster: process n listens at port + n and keeps its data in dir/node-n, and clients have " +
      "to be clients of a cluster (docs/operating/several-cores.md). Settled when dir is first used.",
    { from: "kept" },
  ),
  daemonize: immutable(flag, false, "Whether to detach from the terminal.", {
    noEffect: "the server stays in the foreground: let systemd, a container or & put it away",
  }),
  supervised: immutable(
    choice("upstart", "systemd", "auto", "no"),
    "no",
    "Which supervisor to tell when the server is ready.",
    { noEffect: "no supervisor is told; the log says when connections are taken" },
  ),
  pidfile: immutable(
    path,
    "",
    "File that holds the process id while the server runs; removed when it stops. Empty: none.",
  ),
  "shutdown-timeout": runtime(
    integer(0, INT_MAX),
    10,
    "Seconds a shutdown waits for replicas to catch up.",
    { noEffect: "no Redis replica is attached" },
  ),
  "shutdown-on-sigint": runtime(
    choices("default", "save", "nosave", "now", "force"),
    ["default"],
    "How SIGINT ends the server.",
    { noEffect: "every way to stop finishes the open commits first, which takes no time" },
  ),
  "shutdown-on-sigterm": runtime(
    choices("default", "save", "nosave", "now", "force"),
    ["default"],
    "How SIGTERM ends the server.",
    { noEffect: "every way to stop finishes the open commits first, which takes no time" },
  ),
  "set-proc-title": immutable(flag, true, "Whether ps shows more than the command line.", {
    noEffect: "not done",
  }),
  "proc-title-template": runtime(
    titleTemplate,
    "{title} {listen-addr} {server-mode}",
    "What ps shows.",
    { noEffect: "not done" },
  ),
  "locale-collate": runtime(text, "", "Locale in which SORT ALPHA compares.", {
    noEffect: "texts compare by their bytes",
  }),
  "always-show-logo": immutable(flag, false, "Whether to print a picture at start.", {
    noEffect: "there is none",
  }),
  "crash-log-enabled": runtime(flag, true, "Whether a crash writes a report to the log.", {
    noEffect: "a failed assertion is always logged",
  }),
  "crash-memcheck-enabled": runtime(flag, true, "Whether a crash tests the memory.", {
    noEffect: "not done",
  }),
  "use-exit-on-panic": immutable(flag, false, "How a panic ends the process.", {
    noEffect: "not done",
    hidden: true,
  }),
  "watchdog-period": runtime(
    integer(0, INT_MAX),
    0,
    "Milliseconds after which a slow turn is logged.",
    {
      noEffect: "see the slow log",
      hidden: true,
    },
  ),
  "ignore-warnings": runtime(text, "", "Names of start-up warnings not to mind.", {
    noEffect: "none of them is given",
  }),
  "server-cpulist": immutable(text, "", "Processors for the server's thread.", {
    noEffect: "use taskset",
    aliases: ["server_cpulist"],
  }),
  "bio-cpulist": immutable(text, "", "Processors for the background threads.", {
    noEffect: "use taskset",
    aliases: ["bio_cpulist"],
  }),
  "aof-rewrite-cpulist": immutable(text, "", "Processors for rewriting an AOF.", {
    noEffect: "there is no AOF",
    aliases: ["aof_rewrite_cpulist"],
  }),
  "bgsave-cpulist": immutable(text, "", "Processors for saving snapshots.", {
    noEffect: "there is no child process",
    aliases: ["bgsave_cpulist"],
  }),
  "disable-thp": immutable(flag, true, "Whether transparent huge pages are refused.", {
    noEffect: "no memory is shared with a child process",
  }),
  "jemalloc-bg-thread": runtime(flag, true, "Whether the allocator purges in the background.", {
    noEffect: "it is not the allocator",
  }),
};
