// When a collection is kept as one value and when it explodes, and what OBJECT ENCODING calls it.

/** Redis's thresholds, and two of ours. */
export interface CollectionLimits {
  /** An inline payload grows to about this: it is written whole with each group that changes it. */
  inlineBytesMax: number;
  /** `hash-max-listpack-entries` and `hash-max-listpack-value`. */
  hashEntriesMax: number;
  hashValueBytesMax: number;
  /** `list-max-listpack-size`: elements in a node, or -1 to -5 for 4 to 64 KB. */
  listNodeSize: number;
  /** No node of a list grows beyond it, unless by one text: it is written whole as well. */
  listNodeBytesMax: number;
  /** `set-max-intset-entries`, `set-max-listpack-entries`, `set-max-listpack-value`. */
  setIntegersMax: number;
  setEntriesMax: number;
  setValueBytesMax: number;
  /** `hll-sparse-max-bytes`: bytes up to which a HyperLogLog is kept as runs. */
  sparseSketchBytesMax: number;
  /** `zset-max-listpack-entries` and `zset-max-listpack-value`. */
  sortedSetEntriesMax: number;
  sortedSetValueBytesMax: number;
  /** Members of a sorted set that are counted together: more make two buckets. At least 2. */
  sortedSetBucketMax: number;
  /** `stream-node-max-bytes` and `stream-node-max-entries`; 0 for no limit. */
  streamNodeBytesMax: number;
  streamNodeEntriesMax: number;
}

/** As Redis comes, for tests and for whoever has no configuration. */
export function usualCollectionLimits(): CollectionLimits {
  return {
    inlineBytesMax: 4096,
    hashEntriesMax: 512,
    hashValueBytesMax: 64,
    listNodeSize: -2,
    listNodeBytesMax: 2048,
    setIntegersMax: 512,
    setEntriesMax: 128,
    setValueBytesMax: 64,
    sparseSketchBytesMax: 3000,
    sortedSetEntriesMax: 128,
    sortedSetValueBytesMax: 64,
    sortedSetBucketMax: 192,
    streamNodeBytesMax: 4096,
    streamNodeEntriesMax: 100,
  };
}
