// Settings of TLS. What is named by a file may change while its name stays, so CONFIG SET puts these to
// work again also when they are set to what they are: that is how a renewed certificate is loaded.

import { runtime } from "./setting.ts";
import { choice, flag, INT_MAX, integer, path, text } from "./value-types.ts";

const renewable = { volatile: true } as const;
const OUTGOING = { noEffect: "the server makes no connections of its own" };

/** What TLS on the listening side is made of; each change makes it anew. */
export const tlsListeningSettings = {
  "tls-cert-file": runtime(
    path,
    "",
    "Certificate of the server, PEM, and those that vouch for it.",
    {
      ...renewable,
    },
  ),
  "tls-key-file": runtime(path, "", "Key of that certificate, PEM.", { ...renewable }),
  "tls-key-file-pass": runtime(text, "", "Pass phrase of the key.", { secret: true }),
  "tls-dh-params-file": runtime(path, "", "Diffie-Hellman parameters, PEM, for old clients.", {
    ...renewable,
  }),
  "tls-ca-cert-file": runtime(path, "", "Certificates of the authorities to trust, PEM.", {
    ...renewable,
  }),
  "tls-ca-cert-dir": runtime(path, "", "Folder of such certificates.", { ...renewable }),
  "tls-auth-clients": runtime(
    choice("no", "yes", "optional"),
    "yes",
    "Whether clients must show a certificate; optional: one that is shown must be good.",
  ),
  "tls-protocols": runtime(
    text,
    "",
    'Versions of TLS to speak, in quotes: "TLSv1.2 TLSv1.3", which is also what empty means.',
  ),
  "tls-ciphers": runtime(text, "", "Ciphers up to TLS 1.2, in OpenSSL's notation; empty: Node's."),
  "tls-ciphersuites": runtime(text, "", "Cipher suites of TLS 1.3; empty: Node's."),
  "tls-prefer-server-ciphers": runtime(
    flag,
    false,
    "Whether the server's order of ciphers counts, and not the client's.",
  ),
  "tls-session-caching": runtime(
    flag,
    true,
    "Whether sessions may be resumed without a whole handshake, by tickets that clients keep.",
  ),
  "tls-session-cache-timeout": runtime(
    integer(0, INT_MAX),
    300,
    "Seconds for which a session may be resumed.",
  ),
};

export const tlsSettings = {
  "tls-port": runtime(integer(0, 65535), 0, "Port for TLS; 0 is none. With `port 0` it is alone."),
  ...tlsListeningSettings,
  "tls-session-cache-size": runtime(integer(0, INT_MAX), 20480, "Sessions kept.", {
    noEffect: "the sessions are kept by the clients, as tickets",
  }),
  "tls-cluster": runtime(flag, false, "TLS between cluster nodes.", OUTGOING),
  "tls-replication": runtime(flag, false, "TLS to a primary.", OUTGOING),
  "tls-client-cert-file": runtime(path, "", "Certificate for outgoing connections.", OUTGOING),
  "tls-client-key-file": runtime(path, "", "Key for outgoing connections.", OUTGOING),
  "tls-client-key-file-pass": runtime(text, "", "Pass phrase of that key.", {
    ...OUTGOING,
    secret: true,
  }),
};
