// Settings of Redis's replication and cluster. Kept replicates by its commit log and not by Redis's
// stream of commands, so none of this replication has an effect; asking for it is refused.

import { immutable, runtime } from "./setting.ts";
import {
  choice,
  flag,
  INT_MAX,
  integer,
  memory,
  MOST,
  only,
  path,
  text,
  words,
} from "./value-types.ts";

const MB = 1024 ** 2;
const none = { noEffect: "Kept does not take part in Redis's replication" };
const alone = { noEffect: "this build serves all slots by itself" };

function slave(name: string, reason = none): typeof none & { readonly aliases: readonly string[] } {
  return { ...reason, aliases: [name] };
}

export const replicationSettings = {
  replicaof: immutable(
    only(
      words,
      [],
      "Kept does not replicate from a Redis server: load its data with redis-cli --pipe",
    ),
    [],
    "Primary to follow.",
    slave("slaveof"),
  ),
  masterauth: runtime(text, "", "Password for the primary.", { ...none, secret: true }),
  masteruser: runtime(text, "", "User for the primary.", none),
  "replica-serve-stale-data": runtime(
    flag,
    true,
    "Answer while the primary is away.",
    slave("slave-serve-stale-data"),
  ),
  "replica-read-only": runtime(flag, true, "Refuse writes.", slave("slave-read-only")),
  "replica-ignore-maxmemory": runtime(
    flag,
    true,
    "Leave eviction to the primary.",
    slave("slave-ignore-maxmemory"),
  ),
  "replica-ignore-disk-write-errors": runtime(flag, false, "Go on when the disk fails.", none),
  "replica-lazy-flush": runtime(
    flag,
    false,
    "Empty in the background before a full sync.",
    slave("slave-lazy-flush"),
  ),
  "replica-priority": runtime(
    integer(0, INT_MAX),
    100,
    "Rank for promotion.",
    slave("slave-priority"),
  ),
  "replica-announced": runtime(flag, true, "Whether sentinels name it.", none),
  "replica-announce-ip": runtime(text, "", "Address to announce.", slave("slave-announce-ip")),
  "replica-announce-port": runtime(
    integer(0, 65535),
    0,
    "Port to announce.",
    slave("slave-announce-port"),
  ),
  "min-replicas-to-write": runtime(
    only(integer(0, INT_MAX), 0, "no replica can be attached, so every write would be refused"),
    0,
    "Replicas without which writes are refused.",
    slave("min-slaves-to-write"),
  ),
  "min-replicas-max-lag": runtime(
    integer(0, INT_MAX),
    10,
    "Seconds after which a replica does not count.",
    slave("min-slaves-max-lag"),
  ),
  "repl-diskless-sync": runtime(flag, true, "Full sync without a file.", none),
  "repl-diskless-sync-delay": runtime(integer(0, INT_MAX), 5, "Seconds it waits.", none),
  "repl-diskless-sync-max-replicas": runtime(
    integer(0, INT_MAX),
    0,
    "Replicas that start it.",
    none,
  ),
  "repl-diskless-load": runtime(
    choice("disabled", "on-empty-db", "swapdb"),
    "disabled",
    "Load a full sync without a file.",
    none,
  ),
  "repl-ping-replica-period": runtime(
    integer(1, INT_MAX),
    10,
    "Seconds between pings.",
    slave("repl-ping-slave-period"),
  ),
  "repl-timeout": runtime(integer(1, INT_MAX), 60, "Seconds without an answer.", none),
  "repl-disable-tcp-nodelay": runtime(flag, false, "Fewer packets, more delay.", none),
  "repl-backlog-size": runtime(memory(1, MOST), MB, "Backlog for a partial sync.", none),
  "repl-backlog-ttl": runtime(integer(0, MOST), 3600, "Seconds it is kept.", none),
  "propagation-error-behavior": runtime(
    choice("ignore", "panic", "panic-on-replicas"),
    "ignore",
    "What an error in the stream of commands does.",
    none,
  ),
};

export const clusterSettings = {
  "cluster-enabled": immutable(
    only(
      flag,
      false,
      "this build forms no cluster of machines; for more than one core see the setting processes",
    ),
    false,
    "Whether this server is one of many.",
    alone,
  ),
  "cluster-config-file": immutable(path, "nodes.conf", "File of the nodes.", alone),
  "cluster-node-timeout": runtime(integer(0, MOST), 15_000, "Milliseconds of silence.", alone),
  "cluster-ping-interval": runtime(integer(0, MOST), 1000, "Milliseconds between pings.", {
    ...alone,
    hidden: true,
  }),
  "cluster-port": immutable(integer(0, 65535), 0, "Port between nodes.", alone),
  "cluster-announce-ip": runtime(
    text,
    "",
    "Address by which clients are sent to the other processes (see processes); empty for the one that " +
      "they came to.",
  ),
  "cluster-announce-hostname": runtime(text, "", "Name to announce.", alone),
  "cluster-announce-human-nodename": runtime(text, "", "Name for the log.", alone),
  "cluster-announce-port": runtime(integer(0, 65535), 0, "Port to announce.", alone),
  "cluster-announce-tls-port": runtime(integer(0, 65535), 0, "TLS port to announce.", alone),
  "cluster-announce-bus-port": runtime(integer(0, 65535), 0, "Bus port to announce.", alone),
  "cluster-preferred-endpoint-type": runtime(
    choice("ip", "hostname", "unknown-endpoint"),
    "ip",
    "What redirections name.",
    alone,
  ),
  "cluster-replica-validity-factor": runtime(
    integer(0, INT_MAX),
    10,
    "How stale a replica may be.",
    slave("cluster-slave-validity-factor", alone),
  ),
  "cluster-replica-no-failover": runtime(
    flag,
    false,
    "Never promote this one.",
    slave("cluster-slave-no-failover", alone),
  ),
  "cluster-migration-barrier": runtime(integer(0, INT_MAX), 1, "Replicas a primary keeps.", alone),
  "cluster-allow-replica-migration": runtime(flag, true, "Replicas may move.", alone),
  "cluster-require-full-coverage": runtime(flag, true, "All slots or none.", alone),
  "cluster-allow-reads-when-down": runtime(flag, false, "Read from a broken cluster.", alone),
  "cluster-allow-pubsubshard-when-down": runtime(flag, true, "Publish in one.", alone),
  "cluster-link-sendbuf-limit": runtime(memory(0, MOST), 0, "Buffer between nodes.", alone),
};
