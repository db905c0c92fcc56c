const IN_TIME = 'CONNECT_TIMEOUT';

/** Codes of errors that came before any byte reached the upstream: such a request has not run. */
const UNREACHED = new Set([
  ...['ECONNREFUSED', 'ENOTFOUND', 'EAI_AGAIN', 'EHOSTUNREACH', 'ENETUNREACH', 'EADDRNOTAVAIL', 'EHOSTDOWN'],
  IN_TIME,
]);

/** Whether the upstream was never reached, so that even a POST may run elsewhere. */
export function isUnreached(error: Error): boolean {
  const { code, errors } = error as NodeJS.ErrnoException & { errors?: Error[] };
  // Several addresses tried (happy eyeballs): every one of them failed.
  if (Array.isArray(errors) && errors.length > 0) return errors.every((each) => isUnreached(each));
  return code !== undefined && UNREACHED.has(code);
}

export function unreachedInTime(origin: string): Error {
  return Object.assign(new Error(`no connection to ${origin} in time`), { code: IN_TIME });
}
