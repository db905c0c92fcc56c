const QUOTED = /"([^"]*)"/g;
const SECONDS = /^\d{1,10}$/;

/**
 * How long a client wants to wait, in seconds: `Prefer: wait=5`, RFC 7240 §4.3. The first of several counts (§2); a value that
 * is no number of seconds is ignored.
 */
export function preferredWaitS(field: string): number | undefined {
  // Quoted text may contain commas and semicolons, and numbers of seconds contain none.
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
