// XXH3, the 64-bit variant without a seed (xxhash.com): what DIGEST of Redis 8.4 shows of a string.
//
// Up to 240 bytes are mixed in 64-bit arithmetic, which JavaScript has only as BigInt. Longer ones are
// accumulated in eight lanes; there the arithmetic is on halves of 32 bits, a BigInt for each eight bytes
// would hold up the loop.

import type { Bytes } from "./bytes.ts";

const MASK = 2n ** 64n - 1n;
const PRIME32_1 = 0x9e3779b1n;
const PRIME32_2 = 0x85ebca77n;
const PRIME32_3 = 0xc2b2ae3dn;
const PRIME64_1 = 0x9e3779b185ebca87n;
const PRIME64_2 = 0xc2b2ae3d27d4eb4fn;
const PRIME64_3 = 0x165667b19e3779f9n;
const PRIME64_4 = 0x85ebca77c2b2ae63n;
const PRIME64_5 = 0x27d4eb2f165667c5n;
const MIX_1 = 0x165667919e3779f9n;
const MIX_2 = 0x9fb21c651e98df25n;

const SECRET = Buffer.from(
  "b8fe6c3923a44bbe7c01812cf721ad1cded46de9839097db7240a4a4b7b3671f" +
    "cb79e64eccc0e578825ad07dccff7221b8084674f743248ee03590e6813a264c" +
    "3c2852bb91c300cb88d0658b1b532ea371644897a20df94e3819ef46a9deacd8" +
    "a8fa763fe39c343ff9dcbbc7c70b4f1d8a51e04bcdb45931c89f7ec9d9787364" +
    "eac5ac8334d3ebc3c581a0fffa1363eb170ddd51b7f0da49d316552629d4689e" +
    "2b16be587d47a1fc8ff8b8d17ad031ce45cb3a8f95160428afd7fbcabb4b407e",
  "hex",
);
const STRIPE_SIZE = 64;
const BLOCK_SIZE = 1024;
/** Beyond this the lanes begin. */
const MIDDLE_SIZE_MAX = 240;

/** The digest as sixteen hexadecimal digits, in lower case. */
export function xxh3Hex(bytes: Bytes): string {
  return xxh3(Buffer.from(bytes, "latin1")).toString(16).padStart(16, "0");
}

export function xxh3(input: Buffer): bigint {
  const { length } = input;
  if (length > MIDDLE_SIZE_MAX) return long(input);
  if (length > 128) return middle(input);
  if (length > 16) return short(input);
  if (length > 8) return upTo16(input);
  if (length > 3) return upTo8(input);
  if (length > 0) return upTo3(input);
  return avalanche64(secret(56) ^ secret(64));
}

function secret(at: number): bigint {
  return SECRET.readBigUInt64LE(at);
}

function upTo3(input: Buffer): bigint {
  const { length } = input;
  const first = input.readUInt8(0);
  const second = input.readUInt8(length >> 1);
  const last = input.readUInt8(length - 1);
  const combined = ((first << 16) | (second << 24) | (length << 8) | last) >>> 0;
  const flip = (SECRET.readUInt32LE(0) ^ SECRET.readUInt32LE(4)) >>> 0;
  return avalanche64(BigInt((combined ^ flip) >>> 0));
}

function upTo8(input: Buffer): bigint {
  const { length } = input;
  const first = BigInt(input.readUInt32LE(0));
  const last = BigInt(input.readUInt32LE(length - 4));
  let hash = (last + (first << 32n)) ^ secret(8) ^ secret(16);
  hash ^= rotated(hash, 49n) ^ rotated(hash, 24n);
  hash = (hash * MIX_2) & MASK;
  hash ^= (hash >> 35n) + BigInt(length);
  hash = (hash * MIX_2) & MASK;
  return hash ^ (hash >> 28n);
}

function upTo16(input: Buffer): bigint {
  const { length } = input;
  const low = input.readBigUInt64LE(0) ^ secret(24) ^ secret(32);
  const high = input.readBigUInt64LE(length - 8) ^ secret(40) ^ secret(48);
  return avalanche(BigInt(length) + swapped(low) + high + folded(low, high));
}

function short(input: Buffer): bigint {
  const { length } = input;
  let sum = BigInt(length) * PRIME64_1;
  // From both ends to the middle.
  for (let pair = Math.floor((length - 1) / 32); pair >= 0; pair--) {
    sum += mixed(input, pair * 16, pair * 32);
    sum += mixed(input, length - 16 * (pair + 1), pair * 32 + 16);
  }
  return avalanche(sum);
}

function middle(input: Buffer): bigint {
  const { length } = input;
  let sum = BigInt(length) * PRIME64_1;
  for (let round = 0; round < 8; round++) sum += mixed(input, 16 * round, 16 * round);
  sum = avalanche(sum);
  const rounds = Math.floor(length / 16);
  for (let round = 8; round < rounds; round++) {
    sum += mixed(input, 16 * round, 16 * (round - 8) + 3);
  }
  return avalanche(sum + mixed(input, length - 16, 119));
}

function mixed(input: Buffer, at: number, secretAt: number): bigint {
  const low = input.readBigUInt64LE(at) ^ secret(secretAt);
  const high = input.readBigUInt64LE(at + 8) ^ secret(secretAt + 8);
  return folded(low, high);
}

/** The two halves of the product of 128 bits, laid over each other. */
function folded(left: bigint, right: bigint): bigint {
  const product = left * right;
  return (product & MASK) ^ (product >> 64n);
}

function rotated(value: bigint, bits: bigint): bigint {
  return ((value << bits) | (value >> (64n - bits))) & MASK;
}

/** The bytes in the other order. */
function swapped(value: bigint): bigint {
  const bytes = Buffer.alloc(8);
  bytes.writeBigUInt64LE(value);
  return bytes.readBigUInt64BE();
}

function avalanche(value: bigint): bigint {
  let hash = value & MASK;
  hash ^= hash >> 37n;
  hash = (hash * MIX_1) & MASK;
  return hash ^ (hash >> 32n);
}

function avalanche64(value: bigint): bigint {
  let hash = value ^ (value >> 33n);
  hash = (hash * PRIME64_2) & MASK;
  hash ^= hash >> 29n;
  hash = (hash * PRIME64_3) & MASK;
  return hash ^ (hash >> 32n);
}

// Long ones: eight lanes of 64 bits, each as its low and its high half.

const FIRST_LANES = [
  PRIME32_3,
  PRIME64_1,
  PRIME64_2,
  PRIME64_3,
  PRIME64_4,
  PRIME32_2,
  PRIME64_5,
  PRIME32_1,
] as const;
const LANE_COUNT = 8;
const STRIPES_PER_BLOCK = BLOCK_SIZE / STRIPE_SIZE;
const SCRAMBLE_AT = SECRET.length - STRIPE_SIZE;

function long(input: Buffer): bigint {
  const { length } = input;
  const lanes = new Uint32Array(LANE_COUNT * 2);
  for (const [lane, value] of FIRST_LANES.entries()) {
    lanes[lane * 2] = Number(value & 0xffffffffn);
    lanes[lane * 2 + 1] = Number(value >> 32n);
  }
  const blocks = Math.floor((length - 1) / BLOCK_SIZE);
  for (let block = 0; block < blocks; block++) {
    accumulateMany(lanes, input, block * BLOCK_SIZE, STRIPES_PER_BLOCK);
    scramble(lanes);
  }
  const rest = blocks * BLOCK_SIZE;
  accumulateMany(lanes, input, rest, Math.floor((length - 1 - rest) / STRIPE_SIZE));
  accumulate(lanes, input, length - STRIPE_SIZE, SCRAMBLE_AT - 7);
  let sum = BigInt(length) * PRIME64_1;
  for (let pair = 0; pair < LANE_COUNT; pair += 2) {
    const at = 11 + pair * 8;
    sum += folded(laneAt(lanes, pair) ^ secret(at), laneAt(lanes, pair + 1) ^ secret(at + 8));
  }
  return avalanche(sum);
}

function laneAt(lanes: Uint32Array, lane: number): bigint {
  return (BigInt(lanes[lane * 2 + 1] ?? 0) << 32n) | BigInt(lanes[lane * 2] ?? 0);
}

function accumulateMany(lanes: Uint32Array, input: Buffer, at: number, stripes: number): void {
  for (let stripe = 0; stripe < stripes; stripe++) {
    accumulate(lanes, input, at + stripe * STRIPE_SIZE, stripe * 8);
  }
}

function accumulate(lanes: Uint32Array, input: Buffer, at: number, secretAt: number): void {
  for (let lane = 0; lane < LANE_COUNT; lane++) {
    const low = input.readUInt32LE(at + lane * 8);
    const high = input.readUInt32LE(at + lane * 8 + 4);
    const keyLow = (low ^ SECRET.readUInt32LE(secretAt + lane * 8)) >>> 0;
    const keyHigh = (high ^ SECRET.readUInt32LE(secretAt + lane * 8 + 4)) >>> 0;
    addTo(lanes, lane ^ 1, low, high);
    addTo(lanes, lane, Math.imul(keyLow, keyHigh) >>> 0, highProduct(keyLow, keyHigh));
  }
}

function addTo(lanes: Uint32Array, lane: number, low: number, high: number): void {
  const sum = (lanes[lane * 2] ?? 0) + low;
  lanes[lane * 2] = sum;
  lanes[lane * 2 + 1] = (lanes[lane * 2 + 1] ?? 0) + high + (sum > 0xffffffff ? 1 : 0);
}

/** The upper 32 bits of the product of two numbers of 32 bits. */
function highProduct(left: number, right: number): number {
  const leftLow = left & 0xffff;
  const leftHigh = left >>> 16;
  const rightLow = right & 0xffff;
  const rightHigh = right >>> 16;
  const inner = leftLow * rightHigh;
  const outer = leftHigh * rightLow;
  const middleSum = ((leftLow * rightLow) >>> 16) + (inner & 0xffff) + (outer & 0xffff);
  return leftHigh * rightHigh + (inner >>> 16) + (outer >>> 16) + (middleSum >>> 16);
}

function scramble(lanes: Uint32Array): void {
  const prime = Number(PRIME32_1);
  for (let lane = 0; lane < LANE_COUNT; lane++) {
    const low = lanes[lane * 2] ?? 0;
    const high = lanes[lane * 2 + 1] ?? 0;
    // value ^ (value >> 47) ^ key, times the prime.
    const mixedLow = (low ^ (high >>> 15) ^ SECRET.readUInt32LE(SCRAMBLE_AT + lane * 8)) >>> 0;
    const mixedHigh = (high ^ SECRET.readUInt32LE(SCRAMBLE_AT + lane * 8 + 4)) >>> 0;
    lanes[lane * 2] = Math.imul(mixedLow, prime);
    lanes[lane * 2 + 1] = highProduct(mixedLow, prime) + (Math.imul(mixedHigh, prime) >>> 0);
  }
}
