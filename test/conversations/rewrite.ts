// Records transcripts: `node build/test/conversations/rewrite.js strings.txt`. Replies marked as
// different are left as they stand.

import { rewrite } from "./run.ts";

await rewrite(process.argv.slice(2));
