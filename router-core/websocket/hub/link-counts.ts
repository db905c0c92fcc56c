const CODES = ['token-ended', 'link-refused', 'protocol', 'limit'];

/** Counts of one hub's door since it started. */
export class LinkCounts {
  opened = 0;
  /** Requests that were taken over from another hub. */
  adopted = 0;
  /** Links that were refused, or ended because of what came over them, by code. */
  readonly refused = new Map<string, number>(CODES.map((code) => [code, 0]));

  refuse(code: string): void {
    this.refused.set(code, (this.refused.get(code) ?? 0) + 1);
  }
}
