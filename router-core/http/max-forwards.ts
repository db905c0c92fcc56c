/** How often a request with this field may be forwarded, RFC 9110 §7.6.2; undefined: nothing limits it. */
export function maxForwards(
  method: string | undefined,
  field: string | string[] | undefined,
): number | undefined {
  if (field === undefined || (method !== 'OPTIONS' && method !== 'TRACE')) return undefined;
  const text = String(field);
  // More digits than anybody means; other values say nothing.
  return /^\d{1,9}$/.test(text) ? Number(text) : undefined;
}
