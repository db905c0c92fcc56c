import type { IncomingMessage } from 'node:http';

/** Whether what has come behind a request is lost: its reply ends the connection. See HubMessage. */
export function hidesNext(req: IncomingMessage & { readonly hidesNext?: boolean }): boolean {
  return req.hidesNext === true;
}
