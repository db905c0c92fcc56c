/** How often a request with this field may be forwarded, RFC 9110 §7.6.2; undefined when there is no limit. */
export function maxForwards(
  method: string | undefined,
  field: string | string[] | undefined,
): number | undefined {
  if (field === undefined || (method !== 'OPTIONS' && method !== 'TRACE')) return undefined;
  const text = String(field);
  // More digits are not meant seriously, and other values are ignored.
  return /^\d{1,9}$/.test(text) ? Number(text) : undefined;
}
