// Something that hostile input is thrown at.

import type { Bytes } from "../../src/base/bytes.ts";
import type { Corpus } from "./mutate.ts";

export interface Target {
  readonly name: string;
  /** Of each hundred inputs. */
  readonly share: number;
  readonly corpus: Corpus;
  /** Throws when the input shows a fault. */
  readonly run: (input: Bytes) => void | Promise<void>;
  /** Called now and then: lets what was put off happen. */
  readonly rest?: () => Promise<void>;
}
