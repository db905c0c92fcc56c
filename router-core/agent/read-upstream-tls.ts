import { readFileSync } from 'node:fs';
import { createSecureContext } from 'node:tls';
import { CommandError } from '../runtime/run-command.ts';
import type { AgentConfig } from './settings.ts';
import type { UpstreamTls } from './upstream/dialer.ts';

/**
 * Reads the files of the flags. Undefined without any of these flags. A file that cannot be used ends the agent at its start: later
 * each request would fail.
 */
export function readUpstreamTls(config: AgentConfig): UpstreamTls | undefined {
  const { upstreamCa, upstreamCert, upstreamKey, upstreamInsecure: isInsecure } = config;
  if ((upstreamCert === undefined) !== (upstreamKey === undefined))
    throw new CommandError('--upstream-cert and --upstream-key go together: one of them is missing');
  if (isInsecure && upstreamCa !== undefined)
    throw new CommandError('--upstream-ca and --upstream-insecure exclude each other');
  if (upstreamCa === undefined && upstreamCert === undefined && !isInsecure) return undefined;
  const ca = readPem('--upstream-ca', upstreamCa);
  const cert = readPem('--upstream-cert', upstreamCert);
  const key = readPem('--upstream-key', upstreamKey);
  if (ca !== undefined) tryOut('--upstream-ca', { ca });
  if (cert !== undefined) tryOut('--upstream-cert and --upstream-key', { cert, key });
  return { ca, cert, key, isInsecure };
}

export function readPem(flag: string, file: string | undefined): string | undefined {
  if (file === undefined) return undefined;
  try {
    return readFileSync(file, 'utf8');
  } catch (error) {
    throw new CommandError(`${flag}: ${file} cannot be read (${(error as NodeJS.ErrnoException).code})`);
  }
}

/** Node reads a CA file without a certificate as an empty list, which no upstream could pass. */
function tryOut(flag: string, pem: { ca?: string; cert?: string; key?: string | undefined }): void {
  const text = pem.ca ?? pem.cert ?? '';
  try {
    if (!text.includes('-----BEGIN ')) throw new Error('no certificate in it');
    createSecureContext(pem);
  } catch (error) {
    throw new CommandError(`${flag}: no PEM that can be used (${(error as Error).message})`);
  }
}
