// The commands that are tried, by family, as templates (template.ts), and the words they are filled
// with. Times are far away or long past, as moments or as spans of minutes, so that it does not matter when a
// command runs; waits are a few milliseconds.

import type { Bytes } from "../../src/base/bytes.ts";
import { pick, template, type Atoms, type Source, type Template } from "./template.ts";

export interface Family {
  readonly name: string;
  readonly keys: readonly Bytes[];
  readonly templates: readonly Template[];
}

const KEYS: Readonly<Record<string, readonly Bytes[]>> = {
  string: ["s1", "s2", "s\x00\xff"],
  hash: ["h1", "h2"],
  set: ["set1", "set2", "set3"],
  sortedSet: ["z1", "z2", "z3"],
  list: ["l1", "l2"],
  stream: ["x1", "x2"],
  bitmap: ["b1", "b2", "s1"],
  geo: ["g1", "g2"],
  hyperloglog: ["p1", "p2", "p3"],
};
const ALL_KEYS = [...Object.values(KEYS).flat(), "", "none"];

const INTEGERS = [
  ..."0,1,2,3,5,10,-1,-2,100,9007199254740991,9007199254740993,9223372036854775807".split(","),
  ..."-9223372036854775808,9223372036854775808,-9223372036854775809,01,+1, 1,1.0,,x".split(","),
];
const INDEXES = [
  ..."0,0,1,1,2,3,4,7,10,-1,-1,-2,-3,-10".split(","),
  ...INTEGERS.slice(11, 14),
  "x",
];
const COUNTS = [..."1,1,2,3,5,10,100,0,-1".split(","), "9223372036854775807", "x"];
const VALUES = ["", "a", "b", "ab", "foobar", "\x00\xff\r\n", "12", "-5", "1.5", "x".repeat(70)];
const FIELDS = ["f1", "f2", "f3", "f4", "1", "2", "-7", "10", "", "\x00\xff", "y".repeat(70)];
const FLOATS = [
  ..."0,1,2,3,-1,1.5,0.1,-0.5,1e3,3.0e-3,inf,-inf,+inf,nan,one,1e400,5e-324".split(","),
  ..."1e17,123456789012345680,0x10,.5,-0".split(","),
];
const SCORE_BOUNDS = [..."-inf,+inf,(1,(2,0,1,2,3,(0.1,(-inf,(inf,x,(".split(","), "1e3"];
const LEX_BOUNDS = ["-", "+", "[f1", "(f1", "[f3", "(f3", "[", "(", "f1", "[1", "(2"];
const IDS = "0,1,2,3-1,3-2,5-0,5,0-1,1-1,2-2,10-18446744073709551615,x,1-,-1".split(",");
const SECONDS = ["4102444800", "4102444801", "32503680000", "1", "0", "-1", "x"];
const MILLISECONDS = ["4102444800123", "4102444800124", "32503680000000", "1", "0", "-1", "x"];
const PATTERNS = ["*", "s*", "?1", "[hl]1", "none", "", "*\\", "[", "f*", "[^f]*"];
const PLACES = ["0", "1", "13.361389", "15.087269", "-180", "38.115556", "85.06", "181", "x"];

export const ATOMS: Atoms = {
  // Now and then a key of another family: wrong types.
  k: ({ random, own }) => pick(random, random.below(12) === 0 ? ALL_KEYS : own),
  K: ({ random }) => pick(random, ALL_KEYS),
  n: from(INTEGERS),
  i: from(INDEXES),
  c: from(COUNTS),
  v: from(VALUES),
  f: from(FIELDS),
  d: from(FLOATS),
  r: from(SCORE_BOUNDS),
  b: from(LEX_BOUNDS),
  id: from(IDS),
  s: from(SECONDS),
  ms: from(MILLISECONDS),
  p: from(PATTERNS),
  at: from(PLACES),
  wait: from(["0.001", "0.005", "-1", "x", "0.002"]),
  g: from(["g1", "g2"]),
  who: from(["c1", "c2"]),
  db: from(["0", "0", "1", "1", "99", "-1", "x"]),
  bits: from("u1,i1,u4,i5,u8,i16,u31,i32,u63,i64,u64,i65,x".split(",")),
  off: from("0,1,7,8,31,40,100,#0,#3,-1,x".split(",")),
  nk: from("1,2,3,0,-1,x".split(",")),
};

function from(words: readonly Bytes[]): (source: Source) => Bytes {
  return ({ random }) => pick(random, words);
}

function family(name: string, keys: readonly Bytes[] | undefined, text: string): Family {
  const lines = text.split("\n").filter((line) => line.trim() !== "");
  return { name, keys: keys ?? ALL_KEYS, templates: lines.map((line) => template(line)) };
}

const ENDS = "( EXAT $s | PXAT $ms | KEEPTTL | EX 0 | EX 1000 | PX 1000000 | PX x | PERSIST )";

export const FAMILIES: readonly Family[] = [
  family(
    "string",
    KEYS["string"],
    `
    SET $k $v
    SET $k $n
    SET $k $v [ NX ] [ XX ] [ GET ] [ ${ENDS} ]
    SETNX $k $v
    GET $k
    GETDEL $k
    GETSET $k $v
    GETEX $k [ ${ENDS} ]
    MGET { $K }
    MSET { $k $v }
    MSETNX { $k $v }
    APPEND $k $v
    STRLEN $k
    GETRANGE $k $i $i
    SUBSTR $k $i $i
    SETRANGE $k ( 0 | 1 | 3 | 40 | -1 | x | 536870912 | 9223372036854775807 ) $v
    INCR $k
    DECR $k
    INCRBY $k $n
    DECRBY $k $n
    INCRBYFLOAT $k $d
    LCS $k $k [ LEN ] [ IDX ] [ MINMATCHLEN $i ] [ WITHMATCHLEN ]
    SETEX $k ( 0 | -1 | x | 1000 ) $v
    PSETEX $k ( 0 | -1 | x | 1000000 ) $v
    `,
  ),
  family(
    "bitmap",
    KEYS["bitmap"],
    `
    SETBIT $k ( 0 | 1 | 7 | 8 | 100 | -1 | x | 4294967296 ) ( 0 | 1 | 1 | 2 )
    GETBIT $k ( 0 | 1 | 7 | 8 | 100 | -1 | x | 4294967295 )
    BITCOUNT $k [ $i $i [ ( BYTE | BIT | x ) ] ]
    BITPOS $k ( 0 | 1 | 2 ) [ $i [ $i [ ( BYTE | BIT | x ) ] ] ]
    BITOP ( AND | OR | XOR | NOT | x ) $k { $k }
    BITFIELD $k { ( GET $bits $off | SET $bits $off $n | INCRBY $bits $off $n | OVERFLOW ( WRAP | SAT | FAIL ) ) }
    BITFIELD_RO $k { GET $bits $off }
    `,
  ),
  family(
    "key",
    undefined,
    `
    DEL { $K }
    UNLINK { $K }
    EXISTS { $K }
    TOUCH { $K }
    TYPE $K
    RENAME $K $K
    RENAMENX $K $K
    COPY $K $K [ DB $db ] [ REPLACE ]
    MOVE $K $db
    PERSIST $K
    EXPIRE $K ( 0 | -1 | x | 1000 | 9223372036854775807 ) [ ( NX | XX | GT | LT | x ) ]
    PEXPIRE $K ( 0 | x | 100000 ) [ ( NX | XX | GT | LT ) ]
    EXPIREAT $K $s [ ( NX | XX | GT | LT ) ] [ ( NX | XX | GT | LT ) ]
    PEXPIREAT $K $ms [ ( NX | XX | GT | LT ) ]
    TTL $K
    PTTL $K
    EXPIRETIME $K
    PEXPIRETIME $K
    KEYS $p
    SCAN 0 COUNT 1000 [ MATCH $p ] [ TYPE ( string | hash | list | zset | set | x ) ]
    RANDOMKEY
    DBSIZE
    OBJECT ENCODING $K
    OBJECT REFCOUNT $K
    OBJECT x $K
    SELECT $db
    SWAPDB $db $db
    FLUSHALL [ ( SYNC | ASYNC | x ) ]
    OBJECT FREQ $K
    WAIT 0 ( 1 | x )
    FLUSHDB [ ( SYNC | x ) ]
    RESTORE $K $ms $v [ REPLACE ] [ ABSTTL ]
    `,
  ),
  family(
    "connection",
    undefined,
    `
    PING [ $v ]
    ECHO $v
    PUBLISH $v $v
    PUBSUB NUMPAT
    SPUBLISH $v $v
    PUBSUB SHARDCHANNELS [ $p ]
    PUBSUB SHARDNUMSUB [ { $v } ]
    PUBSUB NUMSUB [ { $v } ]
    PUBSUB CHANNELS [ $p ]
    WATCH { $K }
    UNWATCH
    CLIENT GETNAME
    CLIENT SETNAME ( a | b )
    NOSUCH $v
    `,
  ),
  family(
    "hash",
    KEYS["hash"],
    `
    HSET $k { $f $v }
    HSET $k { $f $v }
    HSET $k $f $n
    HMSET $k { $f $v }
    HSETNX $k $f $v
    HGET $k $f
    HMGET $k { $f }
    HDEL $k { $f }
    HLEN $k
    HSTRLEN $k $f
    HEXISTS $k $f
    HGETALL $k
    HKEYS $k
    HVALS $k
    HINCRBY $k $f $n
    HINCRBYFLOAT $k $f $d
    HRANDFIELD $k [ ( 0 | 1 | 3 | 100 | -3 | x ) [ WITHVALUES ] ]
    HSCAN $k 0 COUNT 1000 [ MATCH $p ]
    OBJECT ENCODING $k
    `,
  ),
  family(
    "set",
    KEYS["set"],
    `
    SADD $k { $f }
    SADD $k { $f }
    SADD $k { $n }
    SREM $k { $f }
    SISMEMBER $k $f
    SMISMEMBER $k { $f }
    SCARD $k
    SMEMBERS $k
    SMOVE $k $k $f
    SPOP $k ( 1000 | 0 | -1 | x )
    SRANDMEMBER $k [ ( 0 | 1 | 3 | 100 | -3 | x ) ]
    SINTER { $k }
    SUNION { $k }
    SDIFF { $k }
    SINTERSTORE $k { $k }
    SUNIONSTORE $k { $k }
    SDIFFSTORE $k { $k }
    SINTERCARD $nk { $k } [ LIMIT $c ]
    SSCAN $k 0 COUNT 1000 [ MATCH $p ]
    OBJECT ENCODING $k
    `,
  ),
  family(
    "sorted set",
    KEYS["sortedSet"],
    `
    ZADD $k { $d $f }
    ZADD $k [ ( NX | XX ) ] [ ( GT | LT ) ] [ CH ] { $d $f }
    ZADD $k [ NX ] [ CH ] INCR $d $f
    ZADD $k { ( 0 | 1 | 2 ) $f }
    ZINCRBY $k $d $f
    ZREM $k { $f }
    ZCARD $k
    ZSCORE $k $f
    ZMSCORE $k { $f }
    ZRANK $k $f
    ZREVRANK $k $f
    ZCOUNT $k $r $r
    ZLEXCOUNT $k $b $b
    ZRANGE $k $i $i [ REV ] [ WITHSCORES ]
    ZRANGE $k $r $r BYSCORE [ REV ] [ LIMIT $i $i ] [ WITHSCORES ]
    ZRANGE $k $b $b BYLEX [ REV ] [ LIMIT $i $i ]
    ZREVRANGE $k $i $i [ WITHSCORES ]
    ZRANGEBYSCORE $k $r $r [ WITHSCORES ] [ LIMIT $i $i ]
    ZREVRANGEBYSCORE $k $r $r [ WITHSCORES ] [ LIMIT $i $i ]
    ZRANGEBYLEX $k $b $b [ LIMIT $i $i ]
    ZREVRANGEBYLEX $k $b $b [ LIMIT $i $i ]
    ZRANGESTORE $k $k ( $i $i | $r $r BYSCORE | $b $b BYLEX ) [ REV ] [ LIMIT $i $i ]
    ZREMRANGEBYRANK $k $i $i
    ZREMRANGEBYSCORE $k $r $r
    ZREMRANGEBYLEX $k $b $b
    ZPOPMIN $k [ $c ]
    ZPOPMAX $k [ $c ]
    ZMPOP $nk { $k } ( MIN | MAX ) [ COUNT $c ]
    BZPOPMIN { $k } $wait
    BZPOPMAX { $k } $wait
    BZMPOP $wait $nk { $k } ( MIN | MAX ) [ COUNT $c ]
    ZUNION $nk { $k } [ WEIGHTS { $d } ] [ AGGREGATE ( SUM | MIN | MAX ) ] [ WITHSCORES ]
    ZINTER $nk { $k } [ WEIGHTS { $d } ] [ AGGREGATE ( SUM | MIN | MAX ) ] [ WITHSCORES ]
    ZDIFF $nk { $k } [ WITHSCORES ]
    ZUNIONSTORE $k $nk { $k } [ WEIGHTS { $d } ] [ AGGREGATE ( SUM | MIN | MAX ) ]
    ZINTERSTORE $k $nk { $k } [ WEIGHTS { $d } ] [ AGGREGATE ( SUM | MIN | MAX ) ]
    ZDIFFSTORE $k $nk { $k }
    ZINTERCARD $nk { $k } [ LIMIT $c ]
    ZRANDMEMBER $k [ ( 0 | 1 | 3 | 100 | -3 | x ) [ WITHSCORES ] ]
    ZSCAN $k 0 COUNT 1000 [ MATCH $p ]
    OBJECT ENCODING $k
    `,
  ),
  family(
    "list",
    KEYS["list"],
    `
    RPUSH $k { $v }
    RPUSH $k { $f }
    LPUSH $k { $v }
    LPUSHX $k { $v }
    RPUSHX $k { $v }
    LPOP $k [ $c ]
    RPOP $k [ $c ]
    LLEN $k
    LINDEX $k $i
    LSET $k $i $v
    LRANGE $k $i $i
    LTRIM $k $i $i
    LREM $k $i $v
    LINSERT $k ( BEFORE | AFTER | x ) $v $v
    LPOS $k $v [ RANK $i ] [ COUNT $c ] [ MAXLEN $i ]
    LMOVE $k $k ( LEFT | RIGHT ) ( LEFT | RIGHT )
    RPOPLPUSH $k $k
    LMPOP $nk { $k } ( LEFT | RIGHT ) [ COUNT $c ]
    BLPOP { $k } $wait
    BRPOP { $k } $wait
    BLMOVE $k $k ( LEFT | RIGHT ) ( LEFT | RIGHT ) $wait
    BRPOPLPUSH $k $k $wait
    BLMPOP $wait $nk { $k } ( LEFT | RIGHT ) [ COUNT $c ]
    `,
  ),
  family(
    "stream",
    KEYS["stream"],
    `
    XADD $k [ NOMKSTREAM ] [ MAXLEN [ ( = | ~ ) ] $c [ LIMIT $c ] ] $id { $f $v }
    XADD $k MINID [ ~ ] $id ( 3-* | 7-* | 20-* ) { $f $v }
    XADD $k $id { $f $v }
    XADD $k ( 3-* | 7-* | 20-* ) $f $v
    XLEN $k
    XRANGE $k ( - | $id ) ( + | $id ) [ COUNT $c ]
    XREVRANGE $k ( + | $id ) ( - | $id ) [ COUNT $c ]
    XDEL $k { $id }
    XTRIM $k ( MAXLEN $c | MINID $id )
    XTRIM $k ( MAXLEN ~ $c | MINID ~ $id ) [ LIMIT $c ]
    XREAD [ COUNT $c ] STREAMS $k $id
    XREAD COUNT 2 STREAMS $k $k $id $id
    XREAD BLOCK 2 STREAMS $k $
    XGROUP CREATE $k $g ( 0 | $ | $id ) [ MKSTREAM ]
    XGROUP SETID $k $g $id
    XGROUP DESTROY $k $g
    XGROUP CREATECONSUMER $k $g $who
    XGROUP DELCONSUMER $k $g $who
    XREADGROUP GROUP $g $who [ COUNT $c ] [ NOACK ] STREAMS $k ( > | 0 | $id )
    XACK $k $g { $id }
    XPENDING $k $g
    XPENDING $k $g [ IDLE 0 ] - + $c [ $who ]
    XCLAIM $k $g $who 0 { $id } [ RETRYCOUNT $c ] [ FORCE ] [ JUSTID ]
    XAUTOCLAIM $k $g $who 0 $id [ COUNT $c ] [ JUSTID ]
    XSETID $k $id
    XINFO GROUPS $k
    XINFO STREAM $k
    OBJECT ENCODING $k
    `,
  ),
  family(
    "geo",
    KEYS["geo"],
    `
    GEOADD $k [ ( NX | XX ) ] [ CH ] { $at $at $f }
    GEOADD $k 13.361389 38.115556 f1 15.087269 37.502669 f2
    GEOPOS $k { $f }
    GEOHASH $k { $f }
    GEODIST $k $f $f [ ( m | km | mi | ft | x ) ]
    GEOSEARCH $k ( FROMMEMBER $f | FROMLONLAT 15 37 ) ( BYRADIUS 200 km | BYBOX 400 400 km ) ASC [ COUNT $c ] [ WITHCOORD ] [ WITHDIST ] [ WITHHASH ]
    GEOSEARCHSTORE $k $k FROMLONLAT 15 37 BYRADIUS 200 km ASC [ STOREDIST ]
    GEOSEARCH $k ( FROMMEMBER $f | FROMLONLAT $at $at ) ( BYRADIUS $d km | BYBOX 400 $d m ) [ ( ASC | DESC ) ] [ COUNT $c [ ANY ] ]
    GEOSEARCHSTORE $k $k FROMMEMBER $f BYBOX 400 400 mi [ COUNT $c ]
    GEORADIUS $k 15 37 200 km ASC [ WITHDIST ]
    GEORADIUS $k 15 37 200 km [ COUNT $c ] [ ( STORE $k | STOREDIST $k ) ]
    GEORADIUS_RO $k $at $at $d km [ DESC ] [ WITHCOORD ]
    GEORADIUSBYMEMBER $k $f 200 km ASC
    GEORADIUSBYMEMBER_RO $k $f 200 ( ft | mi | km ) [ WITHHASH ]
    `,
  ),
  family(
    "hyperloglog",
    KEYS["hyperloglog"],
    `
    PFADD $k [ { $f } ]
    PFADD $k { $n }
    PFCOUNT { $k }
    PFMERGE $k [ { $k } ]
    `,
  ),
  family(
    "sort",
    undefined,
    `
    SORT ( l1 | set1 | z1 ) [ LIMIT $i $i ] [ ( ASC | DESC ) ] ALPHA
    SORT l1 [ BY ( nosort | s* | h1->* ) ] [ GET ( # | s* | h*->f1 ) ] [ LIMIT 0 5 ] ALPHA [ STORE $K ]
    SORT_RO ( l1 | z1 ) ALPHA
    `,
  ),
];
