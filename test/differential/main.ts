// `npm run fuzz -- --commands N --seed S`: random programs against Kept, a process of its own, and
// redis-server, until N commands are done or so many different differences are found.

import { parseArgs } from "node:util";

import { FAMILIES } from "./families.ts";
import { describe, fuzz } from "./fuzz.ts";
import { PRESENT } from "./program.ts";
import { startServers } from "./servers.ts";

const { values } = parseArgs({
  options: {
    commands: { type: "string", default: "100000" },
    seed: { type: "string", default: String(Math.floor(Math.random() * 2 ** 31)) },
    found: { type: "string", default: "20" },
    /** Their names, with commas between them. */
    families: { type: "string", default: "" },
    /** Redis against itself: shows that the generators and the comparison are sound. */
    self: { type: "boolean", default: false },
  },
});

const asked = values.families === "" ? null : values.families.split(",");
const families = (values.self ? FAMILIES : PRESENT).filter(
  ({ name }) => asked === null || asked.includes(name),
);

await using servers = await startServers({ isSelfTest: values.self });
const startMs = performance.now();
const summary = await fuzz(servers.endpoints, {
  families,
  commands: Number(values.commands),
  seed: Number(values.seed),
  foundMax: Number(values.found),
  onFound: (found) => process.stdout.write(`${describe(found)}\n\n`),
});
const seconds = (performance.now() - startMs) / 1000;
process.stdout.write(
  `seed ${values.seed}: ${summary.commands} commands in ${summary.programs} programs, ` +
    `${seconds.toFixed(0)} s; ${summary.found.length} differences\n`,
);
for (const [what, count] of summary.known) process.stdout.write(`known: ${what}: ${count}\n`);
process.exitCode = summary.found.length > 0 ? 1 : 0;
