import { randomBytes } from 'node:crypto';
import { CommandError } from '../../runtime/run-command.ts';
import type { Logger } from '../../runtime/logger.ts';
import { CertificateStore } from './certificate-store.ts';
import type { FrontTls } from './hub-front.ts';

/** The flags of a hub that concern TLS. */
export interface TlsFlags {
  readonly tlsCerts: readonly string[];
  readonly tlsKeys: readonly string[];
  readonly httpPort: number | undefined;
  readonly httpsRedirect: boolean;
}

/** Undefined without certificates. Rejects with a sentence that says what to do when the flags or files are wrong. */
export async function openTls(
  { tlsCerts, tlsKeys, httpPort, httpsRedirect }: TlsFlags,
  { ticketKeys = randomBytes(48) }: { readonly ticketKeys?: Buffer | undefined },
  log: Logger,
): Promise<FrontTls | undefined> {
  if (tlsCerts.length !== tlsKeys.length) {
    throw new CommandError(
      `each --tls-cert needs its --tls-key, in the same order: there are ${tlsCerts.length} and ${tlsKeys.length}`,
    );
  }
  if (tlsCerts.length === 0) {
    if (httpPort === undefined) return undefined;
    throw new CommandError('--http-port is a port beside TLS, and there is no --tls-cert: use --port');
  }
  const files = tlsCerts.map((cert, i) => ({ cert, key: tlsKeys[i] ?? '' }));
  const certificates = await CertificateStore.open(files, log);
  return { certificates, ticketKeys, httpPort, redirects: httpsRedirect };
}
