import type { AddressInfo, Server } from 'node:net';
import { CommandError } from '../../runtime/run-command.ts';

export interface ListenAddress {
  readonly host: string;
  readonly port: number;
}

/** Resolves with the port. Rejects with a sentence that says what to do when the address cannot be had. */
export function listen(server: Server, address: ListenAddress): Promise<number> {
  const { port, host } = address;
  return new Promise((resolve, reject) => {
    const onError = (error: Error) => reject(listenError(error, address));
    server.once('error', onError);
    server.listen(port, host, () => {
      server.off('error', onError);
      resolve((server.address() as AddressInfo).port);
    });
  });
}

function listenError(error: NodeJS.ErrnoException, { host, port }: ListenAddress): Error {
  const why: Record<string, string> = {
    EADDRINUSE: 'the port is in use: stop what listens there, or choose another with --port',
    EACCES: 'this user may not listen there: choose a port above 1023 with --port',
    EADDRNOTAVAIL: 'no interface of this machine has that address: choose another with --host',
  };
  const known = why[error.code ?? ''];
  return known === undefined ? error : new CommandError(`cannot listen on ${host}:${port}: ${known}`);
}
