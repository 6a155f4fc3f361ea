import assert from "node:assert/strict";
import { test } from "node:test";

import * as fc from "fast-check";

import {
  BigNumber,
  Double,
  ErrorReply,
  MapReply,
  NULL_ARRAY,
  Push,
  SetReply,
  Status,
  Verbatim,
  type Reply,
} from "../../src/resp/reply.ts";
import { asResp2, format, NotationError, parse, parseCommand, quoted } from "./notation.ts";
import { readTranscript, replay, replayOnOracle, rewritten, type Target } from "./transcript.ts";
import { decodeReply } from "./wire.ts";

const bytes = fc
  .array(fc.integer({ min: 0, max: 255 }))
  .map((codes) => String.fromCharCode(...codes));

const leaves: fc.Arbitrary<Reply> = fc.oneof(
  fc.constant(null),
  fc.constant(NULL_ARRAY),
  bytes,
  fc.boolean(),
  fc.maxSafeInteger(),
  fc.bigInt({ min: 2n ** 53n, max: 2n ** 63n - 1n }),
  fc.constant(new Status("OK")),
  fc.constant(new ErrorReply("ERR no, really: it's [wrong]")),
  fc.double({ noNaN: true, noDefaultInfinity: true }).map((value) => new Double(value + 0)),
  fc.constant(new BigNumber("123456789012345678901234567890")),
  bytes.map((text) => new Verbatim("txt", text)),
);

const replies: fc.Arbitrary<Reply> = fc.letrec<{ reply: Reply }>((tie) => ({
  reply: fc.oneof(
    { depthSize: "small", withCrossShrink: true },
    leaves.filter((leaf) => !(leaf instanceof ErrorReply)),
    fc.array(tie("reply"), { maxLength: 4 }),
    fc.array(tie("reply"), { maxLength: 4 }).map((items) => new SetReply(items)),
    fc.array(tie("reply"), { maxLength: 4 }).map((items) => new Push(items)),
    fc
      .array(fc.tuple(bytes, tie("reply")), { maxLength: 3 })
      .map((entries) => new MapReply(entries.flat())),
  ),
})).reply;

test("what is written of a reply is read back as that reply", () => {
  fc.assert(
    fc.property(fc.oneof(leaves, replies), (reply) => {
      assert.deepEqual(parse(format(reply)), reply);
    }),
  );
});

test("a reply looks as the pages say", () => {
  const reply: Reply = [new Status("OK"), 'a\n\xff"', -1, null, new ErrorReply("ERR no"), []];
  assert.equal(format(reply), '[ OK, "a\\n\\xff\\"", -1, nil, -ERR no, [ ] ]');
  assert.equal(format(new MapReply(["len", 6])), '{ "len": 6 }');
  assert.deepEqual(parse("[ OK, -ERR no ]"), [new Status("OK"), new ErrorReply("ERR no")]);
});

test("RESP2 shows maps and sets as arrays, doubles as strings, booleans as numbers", () => {
  const rich = new MapReply([new SetReply([true]), new Double(1.5)]);
  assert.deepEqual(asResp2(rich), [[1], "1.5"]);
  assert.deepEqual(asResp2([new Double(Infinity), new Verbatim("txt", "x")]), ["inf", "x"]);
});

test("what is no reply is refused", () => {
  for (const text of ["", "[", "[ ", '"open', '"a" "b"', "{ 1 }", "[ 1,]"]) {
    assert.throws(() => parse(text), NotationError, text);
  }
});

test("a command is words, quoted where they need it", () => {
  assert.deepEqual(parseCommand('SET  a "b \\"c\\" \\x00" \'d\\n\' e'), [
    "SET",
    "a",
    'b "c" \x00',
    "d\\n",
    "e",
  ]);
  assert.throws(() => parseCommand('GET "a'), NotationError);
  fc.assert(
    fc.property(fc.array(bytes, { minLength: 1 }), (args) => {
      assert.deepEqual(parseCommand(args.map(quoted).join(" ")), args);
    }),
  );
});

const echo: Target = { send: (args) => Promise.resolve(args[1] ?? null) };
const TRANSCRIPT = '# echo\n> ECHO a\n"a"\n\n# differs: a reason\n> ECHO b\n"c"\n';

test("a transcript's complaints name line and command", async () => {
  const exchanges = readTranscript(TRANSCRIPT);
  assert.deepEqual(await replay(echo, exchanges), ['line 6: > ECHO b: wanted "c", got "b"']);
});

test("the oracle excuses what is marked as different, and only that", async () => {
  assert.deepEqual(await replayOnOracle(echo, readTranscript(TRANSCRIPT)), []);
  const wrong = TRANSCRIPT.replace('"a"', '"z"').replace('"c"', '"b"');
  assert.deepEqual(await replayOnOracle(echo, readTranscript(wrong)), [
    'line 2: > ECHO a: the transcript has "z", Redis says "a"',
    "line 6: > ECHO b: marked as different, but Redis says the same",
  ]);
});

test("a rewrite fills in replies and leaves those marked as different", async () => {
  const draft = '# echo\n> ECHO a\n\n> ECHO x\n"old"\n# differs: a reason\n> ECHO b\n"c"\n';
  const filled = '# echo\n> ECHO a\n"a"\n\n> ECHO x\n"x"\n# differs: a reason\n> ECHO b\n"c"\n';
  assert.equal(await rewritten(echo, draft), filled);
  assert.equal(await rewritten(echo, filled), filled);
});

test("a transcript with a reply too few or too many, or a mark of nothing, is refused", () => {
  assert.throws(() => readTranscript("> GET a\n> GET b\nnil\n"), /line 1: no reply/);
  assert.throws(() => readTranscript("> GET a\n"), /line 1: no reply/);
  assert.throws(() => readTranscript("> GET a\nnil\nnil\n"), /line 3: a reply to no command/);
  assert.throws(() => readTranscript("# differs: so\n"), /before no command/);
});

test("replies are decoded wherever the bytes are cut", () => {
  const wire =
    "*5\r\n$3\r\na\r\n\r\n:-5\r\n$-1\r\n%1\r\n+k\r\n,1.5\r\n=5\r\ntxt:x\r\n~1\r\n#t\r\n*-1\r\n_\r\n(12\r\n";
  const shown = [
    '[ "a\\r\\n", -5, nil, { k: ,1.5 }, txt"x" ]',
    "~[ #t ]",
    "nil-array",
    "nil",
    "(12",
  ];
  const found: string[] = [];
  let at = 0;
  for (let end = 0; end <= wire.length; end++) {
    const next = decodeReply(wire.slice(0, end), at);
    if (next === null) continue;
    found.push(format(next.reply));
    at = next.end;
  }
  assert.deepEqual(found, shown);
  assert.equal(at, wire.length);
  assert.throws(() => decodeReply("oops\r\n", 0), /no RESP/);
});
