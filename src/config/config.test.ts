import assert from "node:assert/strict";
import { test } from "node:test";

import { allSettings, Config } from "./config.ts";
import { ConfigError, readFile, readText } from "./parse.ts";

const HERE = { isLocal: true };
const AFAR = { isLocal: false };
const noFiles = () => ({ problem: "No such file or directory" });

function configOf(text: string): Config {
  return Config.of(readText(text, "the test", noFiles));
}

function complaint(text: string): string {
  try {
    configOf(text);
  } catch (error) {
    assert.ok(error instanceof ConfigError);
    return `${error.place?.line}: ${error.message}`;
  }
  throw new Error("accepted");
}

function failed(name: string, reason: string): string {
  return `ERR CONFIG SET failed (possibly related to argument '${name}') - ${reason}`;
}

test("each setting's initial value survives being written to a file and read again", () => {
  for (const { name, setting } of allSettings()) {
    let value: unknown = setting.type.startsFrom ?? setting.initial;
    for (const words of setting.type.lines(setting.initial)) {
      value = setting.type.parse(words, value);
    }
    assert.deepEqual(value, setting.initial, name);
  }
});

test("values come typed, from the default, a file, and CONFIG SET", () => {
  const config = configOf('port 0\nmaxmemory 1gb\nappendfsync always\nrequirepass "a\\x00b"\n');
  const port: number = config.get("port");
  const fsync: "always" | "everysec" | "no" = config.get("appendfsync");
  assert.equal(port, 0);
  assert.equal(fsync, "always");
  assert.equal(config.get("maxmemory"), 1024 ** 3);
  assert.equal(config.get("requirepass"), "a\0b");
  assert.deepEqual(config.get("write-stall-policy"), { kind: "wait", limitMs: 10_000 });
  assert.equal(config.set([["write-stall-policy", "fail"]], AFAR), null);
  assert.deepEqual(config.get("write-stall-policy"), { kind: "fail" });
});

test("names are known in every case and by their old spelling", () => {
  const config = configOf("HASH-MAX-ZIPLIST-ENTRIES 7\nslave-read-only no\nlua-time-limit 9\n");
  assert.equal(config.get("hash-max-listpack-entries"), 7);
  assert.equal(config.get("replica-read-only"), false);
  assert.deepEqual(config.matching(["lua-time-limit"]), ["lua-time-limit", "9"]);
});

test("a repeated directive adds, replaces or keeps lines as its kind wants", () => {
  const config = configOf(
    'save 10 1\nsave 20 2\nport 1\nport 2\nrename-command KEYS ""\nrename-command SORT order\n' +
      "client-output-buffer-limit normal 1kb 0 5\nclient-output-buffer-limit slave 2mb 1mb 6\n",
  );
  assert.equal(config.formatted("save"), "10 1 20 2");
  assert.equal(config.get("port"), 2);
  assert.deepEqual(config.get("rename-command"), [
    ["KEYS", ""],
    ["SORT", "order"],
  ]);
  assert.equal(
    config.formatted("client-output-buffer-limit"),
    "normal 1024 0 5 slave 2097152 1048576 6 pubsub 33554432 8388608 60",
  );
  assert.equal(configOf('save 10 1\nsave ""\n').formatted("save"), "");
});

test("a wrong directive is fatal, with its line and the reason", () => {
  const cases: [string, string][] = [
    ["port 1\n\n# x\nfoo bar\n", "4: Bad directive or wrong number of arguments"],
    ["maxmemory abc", "1: argument must be a memory value"],
    ["maxmemory", "1: wrong number of arguments"],
    ["save\nport", "2: wrong number of arguments"],
    ["port 1 2", "1: wrong number of arguments"],
    ["port 99999", "1: argument must be between 0 and 65535 inclusive"],
    ["port 07", "1: argument couldn't be parsed into an integer"],
    ["appendonly maybe", "1: argument must be 'yes' or 'no'"],
    ["save 10", "1: Invalid save parameters"],
    ["dbfilename a/b", "1: it can't be a path, just a filename"],
    ["dir caf\xe9", "1: the path must be valid UTF-8"],
    ["loadmodule x.so", "1: Kept has no modules"],
    [
      "cluster-enabled yes",
      "1: this build forms no cluster of machines; for more than one core see the setting processes",
    ],
    ['logfile "abc', "1: Unbalanced quotes in configuration line"],
    ["port 1\nport \x001", "2: the line holds a NUL byte: not a configuration file?"],
  ];
  for (const [text, expected] of cases) assert.equal(complaint(text), expected, text);
});

test("the report of a fatal error has the form tools look for", () => {
  const error = new ConfigError("argument must be a memory value", {
    source: "the configuration file kept.conf",
    line: 3,
    text: "maxmemory abc",
  });
  assert.equal(
    error.report("1.2.3"),
    "\n*** FATAL CONFIG FILE ERROR (Kept 1.2.3) ***\n" +
      "Reading the configuration file kept.conf, at line 3\n" +
      ">>> 'maxmemory abc'\nargument must be a memory value\n",
  );
});

test("an include stands for its lines, and a loop or a missing file is refused", () => {
  const files: Record<string, string> = {
    main: "port 1\ninclude 'other file'\ntimeout 3\n",
    "other file": "port 2\r\n",
    loop: "include round\n",
    round: "\ninclude loop\n",
    lost: "include nowhere\n",
  };
  const read = (path: string) => {
    const content = files[path];
    return content === undefined ? noFiles() : { content };
  };
  const config = Config.of(readFile("main", read));
  assert.deepEqual([config.get("port"), config.get("timeout")], [2, 3]);
  assert.throws(() => readFile("loop", read), /loop includes itself: loop, round, loop/);
  assert.throws(() => readFile("lost", read), /can't open config file 'nowhere': No such file/);
  assert.throws(() => readFile("absent", read), /can't open config file 'absent'/);
});

test("CONFIG GET takes several patterns, in any case, and answers each name once", () => {
  const config = new Config();
  assert.deepEqual(config.matching(["MAXMEMOR[A-Y]", "maxmemory", "no"]), ["maxmemory", "0"]);
  const all = config.matching(["*"]);
  assert.ok(all.includes("hash-max-ziplist-value") && all.includes("rocksdb.compression"));
  assert.ok(!all.includes("key-load-delay") && !all.includes("rename-command"));
  assert.deepEqual(config.matching(["key-load-delay"]), ["key-load-delay", "0"]);
  assert.deepEqual(config.matching(["rename-command"]), []);
});

test("CONFIG SET refuses in Redis's words and then changes nothing at all", () => {
  const config = new Config();
  const cases: [[string, string][], string][] = [
    [[["foo", "1"]], "ERR Unknown option or number of arguments for CONFIG SET - 'foo'"],
    [[["user", "a"]], "ERR Unknown option or number of arguments for CONFIG SET - 'user'"],
    [[["tcp-backlog", "1"]], failed("tcp-backlog", "can't set immutable config")],
    [[["dbfilename", "x"]], failed("dbfilename", "can't set protected config")],
    [[["timeout", "-1"]], failed("timeout", "argument must be between 0 and 2147483647 inclusive")],
    [
      [
        ["timeout", "1"],
        ["timeout", "2"],
      ],
      failed("timeout", "duplicate parameter"),
    ],
    [
      [["maxmemory-clients", "101%"]],
      failed("maxmemory-clients", "percentage argument must be less or equal to 100"),
    ],
    [
      [["notify-keyspace-events", "q"]],
      failed("notify-keyspace-events", "Invalid event class character. Use 'Ag$lshzxeKEtmdn'."),
    ],
    [
      [["write-stall-policy", "wait"]],
      failed("write-stall-policy", "argument must be 'wait <milliseconds>' or 'fail'"),
    ],
  ];
  const untouched = config.matching(["*"]);
  for (const [assignments, expected] of cases) {
    const withGoodOne: [string, string][] = [["maxclients", "5"], ...assignments];
    assert.equal(config.set(withGoodOne, AFAR), expected);
    assert.deepEqual(config.matching(["*"]), untouched);
  }
});

test("values are normalised as Redis answers them", () => {
  const config = new Config();
  const cases: [string, string, string][] = [
    ["notify-keyspace-events", "KEA", "AKE"],
    ["notify-keyspace-events", "ElKg$", "g$lKE"],
    ["maxmemory-clients", "5%", "5%"],
    ["maxmemory", "2kb", "2048"],
    ["maxmemory", "2k", "2000"],
    ["hz", "1000", "500"],
    ["save", "10 1  20 2", "10 1 20 2"],
    ["shutdown-on-sigterm", "nosave force", "nosave force"],
    ["latency-tracking-info-percentiles", "50 99.9 100.0", "50 99.9 100"],
    ["latency-tracking-info-percentiles", "", ""],
    ["appendfsync", "ALWAYS", "always"],
  ];
  for (const [name, given, expected] of cases) {
    assert.equal(config.set([[name, given]], AFAR), null, name);
    assert.deepEqual(config.matching([name]), [name, expected]);
  }
});

test("a guarded setting opens to those enable-protected-configs names", () => {
  const local = configOf("enable-protected-configs local\n");
  assert.notEqual(local.set([["dbfilename", "x"]], AFAR), null);
  assert.equal(local.set([["dbfilename", "x"]], HERE), null);
  assert.equal(configOf("enable-protected-configs yes").set([["dbfilename", "x"]], AFAR), null);
});

test("when one new value cannot be put to work, all are taken back", () => {
  const config = new Config();
  const applied: string[] = [];
  config.onApply("timeout", (value) => {
    applied.push(`timeout ${value}`);
    return null;
  });
  config.onApply("rocksdb.write_buffer_size", (value) =>
    value > 64 ? "the engine has no room" : null,
  );
  const heard: number[] = [];
  config.onChange("timeout", (value) => heard.push(value));
  const both: [string, string][] = [
    ["timeout", "7"],
    ["rocksdb.write_buffer_size", "65"],
  ];
  assert.equal(
    config.set(both, AFAR),
    failed("rocksdb.write_buffer_size", "the engine has no room"),
  );
  assert.deepEqual(applied, ["timeout 7", "timeout 0"]);
  assert.deepEqual(heard, []);
  assert.equal(config.get("timeout"), 0);

  assert.equal(config.set([["timeout", "8"]], AFAR), null);
  assert.equal(config.set([["timeout", "8"]], AFAR), null);
  assert.deepEqual(heard, [8]);
});

test("what was set in vain is known", () => {
  const names = configOf("rdbcompression no\nport 1\n")
    .ineffective()
    .map(({ name }) => name);
  assert.deepEqual(names, ["rdbcompression"]);
});
