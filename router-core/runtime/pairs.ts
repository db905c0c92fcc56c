/** Turns a flat list of keys and values, as Redis and Node's parser return them, into pairs. */
export function pairs(flat: readonly string[]): [key: string, value: string][] {
  const list: [string, string][] = [];
  for (let i = 0; i + 1 < flat.length; i += 2) list.push([flat[i] ?? '', flat[i + 1] ?? '']);
  return list;
}
