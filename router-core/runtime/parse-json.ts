/** Undefined for a text that is not JSON, which no JSON text stands for: the caller says what it expected. */
export function parseJson(text: string): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch {
    return undefined;
  }
}
