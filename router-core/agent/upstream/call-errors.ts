/** Error codes that mean a shortage of file descriptors or ports on this machine, whatever the upstream does. */
const SHORTAGES = new Set(['EMFILE', 'ENFILE', 'EADDRNOTAVAIL', 'ENOBUFS']);

type CallError = NodeJS.ErrnoException & { errors?: Error[]; address?: string; port?: number };

/** True when a connection could not be opened because of a shortage on this machine. */
export function isShortage(error: Error): boolean {
  const { code, errors } = error as CallError;
  // Several addresses were tried (happy eyeballs).
  if (Array.isArray(errors) && errors.length > 0) return errors.every((each) => isShortage(each));
  return code !== undefined && SHORTAGES.has(code);
}

/** A short text for people: `ECONNREFUSED 127.0.0.1:8010`. */
export function describeError(error: Error): string {
  const { code, errors, address, port, message } = error as CallError;
  if (Array.isArray(errors) && errors.length > 0)
    return [...new Set(errors.map((each) => describeError(each)))].join(', ');
  if (isShortage(error)) return `${code}: this machine has no file descriptor or port left to call it`;
  if (code === undefined || address === undefined) return message;
  // A Unix socket has no port.
  if (port === undefined) return `${code} ${address}`;
  return `${code} ${address.includes(':') ? `[${address}]` : address}:${port}`;
}

export function unreachedInTime(origin: string): Error {
  return new Error(`no connection to ${origin} in time`);
}
