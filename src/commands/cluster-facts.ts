// What CLUSTER tells of the processes that share out the slots: INFO, NODES, SLOTS, SHARDS, LINKS and MYID, in the forms
// that clients of Redis Cluster read.

import type { Bytes } from "../base/bytes.ts";
import { MapReply, Verbatim, type Reply } from "../resp/reply.ts";
import type { ClusterNodeFacts, ClusterPort, ClusterWay } from "./ports.ts";
import type { Args } from "./table.ts";

export const SLOT_COUNT = 16_384;
/** As Redis chooses the port of its bus. There is none here, but the lines have a place for it. */
const BUS_PORT_OFFSET = 10_000;
/** Of a node in SLOTS: it may have other names. */
const NO_METADATA = new MapReply([]);

export function myId(cluster: ClusterPort, _args: Args, way: ClusterWay): Reply {
  return cluster.nodes(way).find(({ isMyself }) => isMyself)?.id ?? null;
}

export function info(cluster: ClusterPort, _args: Args, way: ClusterWay): Reply {
  const all = cluster.nodes(way);
  const { messagesSent, messagesReceived } = cluster;
  const failing = all.filter(({ isUp }) => !isUp);
  const slotsFailing = failing.reduce((sum, node) => sum + slotCount(node), 0);
  const fields: readonly (readonly [string, string | number])[] = [
    // The others serve what is theirs, whoever is away.
    ["cluster_state", "ok"],
    ["cluster_slots_assigned", SLOT_COUNT],
    ["cluster_slots_ok", SLOT_COUNT - slotsFailing],
    ["cluster_slots_pfail", 0],
    ["cluster_slots_fail", slotsFailing],
    ["cluster_known_nodes", all.length],
    ["cluster_size", all.length],
    ["cluster_current_epoch", all.length],
    ["cluster_my_epoch", all.findIndex(({ isMyself }) => isMyself) + 1],
    ["cluster_stats_messages_publish_sent", messagesSent],
    ["cluster_stats_messages_sent", messagesSent],
    ["cluster_stats_messages_publish_received", messagesReceived],
    ["cluster_stats_messages_received", messagesReceived],
    ["total_cluster_links_buffer_limit_exceeded", 0],
  ];
  return new Verbatim("txt", fields.map(([name, value]) => `${name}:${value}\r\n`).join(""));
}

function slotCount({ firstSlot, lastSlot }: ClusterNodeFacts): number {
  return lastSlot - firstSlot + 1;
}

export function nodes(cluster: ClusterPort, _args: Args, way: ClusterWay): Reply {
  const lines = cluster.nodes(way).map((node, index) => {
    const { id, host, port, isMyself, isUp, firstSlot, lastSlot } = node;
    const flags = `${isMyself ? "myself," : ""}master${isUp ? "" : ",fail"}`;
    const range = firstSlot === lastSlot ? String(firstSlot) : `${firstSlot}-${lastSlot}`;
    const link = isUp ? "connected" : "disconnected";
    const address = `${host}:${port}@${port + BUS_PORT_OFFSET}`;
    return `${id} ${address} ${flags} - 0 0 ${index + 1} ${link} ${range}\n`;
  });
  return new Verbatim("txt", lines.join(""));
}

export function slots(cluster: ClusterPort, _args: Args, way: ClusterWay): Reply {
  return cluster
    .nodes(way)
    .map(({ id, host, port, firstSlot, lastSlot }) => [
      firstSlot,
      lastSlot,
      [host, port, id, NO_METADATA],
    ]);
}

export function shards(cluster: ClusterPort, _args: Args, way: ClusterWay): Reply {
  return cluster.nodes(way).map((node) => {
    const fields: [Bytes, Reply][] = [["id", node.id]];
    if (node.plainPort !== 0) fields.push(["port", node.plainPort]);
    if (node.tlsPort !== 0) fields.push(["tls-port", node.tlsPort]);
    fields.push(
      ["ip", node.host],
      ["endpoint", node.host],
      ["role", "master"],
      ["replication-offset", 0],
      ["health", node.isUp ? "online" : "failed"],
    );
    const described = new MapReply(fields.flat());
    return new MapReply(["slots", [node.firstSlot, node.lastSlot], "nodes", [described]]);
  });
}

export function links(cluster: ClusterPort): Reply {
  return cluster
    .links()
    .map(
      ({ direction, nodeId, createdMs, unsentBytes }) =>
        new MapReply([
          "direction",
          direction,
          "node",
          nodeId,
          "create-time",
          createdMs,
          "events",
          unsentBytes > 0 ? "rw" : "r",
          "send-buffer-allocated",
          unsentBytes,
          "send-buffer-used",
          unsentBytes,
        ]),
    );
}
