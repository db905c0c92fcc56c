const QUOTED = /"([^"]*)"/g;
const SECONDS = /^\d{1,10}$/;

/**
 * How long a client wants to wait, in seconds: `Prefer: wait=5`, RFC 7240 §4.3. Of several the first counts (§2); one that
 * is no number of seconds is no preference.
 */
export function preferredWaitS(field: string): number | undefined {
  // What is quoted may hold commas and semicolons, of which no number of seconds has any.
  const bare = field.replace(QUOTED, (_quoted, text: string) => (SECONDS.test(text) ? text : '-'));
  for (const preference of bare.split(',')) {
    const [token = ''] = preference.split(';', 1);
    const at = token.indexOf('=');
    if (token.slice(0, Math.max(0, at)).trim().toLowerCase() !== 'wait') continue;
    const value = token.slice(at + 1).trim();
    return SECONDS.test(value) ? Number(value) : undefined;
  }
  return undefined;
}
