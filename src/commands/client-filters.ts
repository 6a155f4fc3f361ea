// Which connections CLIENT LIST and CLIENT KILL mean.

import type { Bytes } from "../base/bytes.ts";
import { CommandError, SYNTAX_ERROR } from "../resp/errors.ts";
import { OK, Verbatim, type Reply } from "../resp/reply.ts";
import { parseInteger } from "../types/number.ts";
import type { ClientFilter, ClientType, ServerPort, SessionPort } from "./ports.ts";
import { at, type Args } from "./table.ts";

const TYPES: ReadonlyMap<string, ClientType> = new Map([
  ["normal", "normal"],
  ["master", "master"],
  ["slave", "replica"],
  ["replica", "replica"],
  ["pubsub", "pubsub"],
]);

const BAD_ID = new CommandError("ERR client-id should be greater than 0");
const AGE_NOT_AN_INTEGER = new CommandError("ERR maxage is not an integer or out of range");
const BAD_AGE = new CommandError("ERR maxage should be greater than 0");
const NO_SUCH_CLIENT = new CommandError("ERR No such client");

export function listClients(server: ServerPort, args: Args, { id }: SessionPort): Reply {
  return new Verbatim("txt", server.clients.list(listFilter(args), { id, args }));
}

function listFilter(args: Args): ClientFilter {
  if (args.length === 2) return {};
  const option = at(args, 2).toUpperCase();
  if (option === "TYPE" && args.length === 4) return { type: clientType(at(args, 3)) };
  if (option !== "ID" || args.length < 4) throw SYNTAX_ERROR;
  const ids = new Set<number>();
  for (const text of args.slice(3)) {
    const id = parseInteger(text);
    if (id === null) throw new CommandError("ERR Invalid client ID");
    ids.add(Number(id));
  }
  return { ids };
}

function clientType(name: Bytes): ClientType {
  const type = TYPES.get(name.toLowerCase());
  if (type === undefined) throw new CommandError(`ERR Unknown client type '${name}'`);
  return type;
}

export function killClients(server: ServerPort, args: Args, session: SessionPort): Reply {
  const callerId = session.id;
  if (args.length === 3) {
    const count = server.clients.kill({ address: at(args, 2) }, { callerId, skippedId: 0 });
    if (count === 0) throw NO_SUCH_CLIENT;
    return OK;
  }
  const { filter, skipMe } = killFilter(server, args);
  return server.clients.kill(filter, { callerId, skippedId: skipMe ? callerId : 0 });
}

type Mutable<T> = { -readonly [Key in keyof T]: T[Key] };

/** A filter given twice counts as it was given last. */
function killFilter(server: ServerPort, args: Args): { filter: ClientFilter; skipMe: boolean } {
  if (args.length % 2 !== 0) throw SYNTAX_ERROR;
  const filter: Mutable<ClientFilter> = {};
  let skipMe = true;
  for (let index = 2; index < args.length; index += 2) {
    const value = at(args, index + 1);
    switch (at(args, index).toUpperCase()) {
      case "ID":
        filter.ids = new Set([clientId(value)]);
        break;
      case "TYPE":
        filter.type = clientType(value);
        break;
      case "ADDR":
        filter.address = value;
        break;
      case "LADDR":
        filter.localAddress = value;
        break;
      case "USER":
        if (!server.clients.userExists(value)) {
          throw new CommandError(`ERR No such user '${value}'`);
        }
        filter.user = value;
        break;
      case "MAXAGE":
        filter.minAgeSeconds = ageOf(value);
        break;
      case "SKIPME":
        skipMe = yesOrNo(value);
        break;
      default:
        throw SYNTAX_ERROR;
    }
  }
  return { filter, skipMe };
}

function clientId(text: Bytes): number {
  const id = parseInteger(text);
  if (id === null || id < 1) throw BAD_ID;
  return Number(id);
}

function ageOf(text: Bytes): number {
  const seconds = parseInteger(text);
  if (seconds === null) throw AGE_NOT_AN_INTEGER;
  if (seconds <= 0) throw BAD_AGE;
  return Number(seconds);
}

function yesOrNo(text: Bytes): boolean {
  const answer = text.toLowerCase();
  if (answer !== "yes" && answer !== "no") throw SYNTAX_ERROR;
  return answer === "yes";
}
