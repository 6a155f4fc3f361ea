// Certificates for tests of TLS, made by openssl when they are asked for: an authority, a server's for
// 127.0.0.1, a client's, and one that nobody vouches for.

import assert from "node:assert/strict";

import { runTool } from "./tool.ts";

const NEW_KEY = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1"];
const SUBJECT_NAMES = ["-addext", "subjectAltName=IP:127.0.0.1,DNS:localhost"];

export interface Certificate {
  readonly certificate: string;
  readonly key: string;
}

export class Certificates {
  readonly #dir: string;
  readonly authority: Certificate;

  private constructor(dir: string) {
    this.#dir = dir;
    this.authority = this.#paths("authority");
  }

  /** In a folder of the caller's. */
  static async make(dir: string): Promise<Certificates> {
    const made = new Certificates(dir);
    await made.#request("authority", ["-nodes"]);
    return made;
  }

  #paths(name: string): Certificate {
    return { certificate: `${this.#dir}/${name}.crt`, key: `${this.#dir}/${name}.key` };
  }

  async #request(name: string, more: readonly string[]): Promise<Certificate> {
    const paths = this.#paths(name);
    const files = ["-keyout", paths.key, "-out", paths.certificate];
    const subject = ["-subj", `/O=Kept tests/CN=${name}`, "-days", "2"];
    const { code, stderr } = await runTool("openssl", [
      "req",
      "-x509",
      ...NEW_KEY,
      ...subject,
      ...files,
      ...more,
    ]);
    assert.equal(code, 0, stderr);
    return paths;
  }

  /** One that the authority vouches for; with a pass phrase its key is locked by it. */
  issue(name: string, passPhrase: string | null = null): Promise<Certificate> {
    const { certificate, key } = this.authority;
    const lock = passPhrase === null ? ["-nodes"] : ["-passout", `pass:${passPhrase}`];
    const leaf = ["-addext", "basicConstraints=critical,CA:FALSE"];
    return this.#request(name, [
      ...SUBJECT_NAMES,
      ...leaf,
      "-CA",
      certificate,
      "-CAkey",
      key,
      ...lock,
    ]);
  }

  /** One that vouches for itself. */
  selfMade(name: string): Promise<Certificate> {
    return this.#request(name, ["-nodes", ...SUBJECT_NAMES]);
  }
}
