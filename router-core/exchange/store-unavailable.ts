/** Connection lost, or not there: whether the command ran is unknown unless `sent` is false. */
export class StoreUnavailableError extends Error {
  override readonly name = 'StoreUnavailableError';
  readonly sent: boolean;
  constructor(sent: boolean, options?: ErrorOptions) {
    super('Redis is not reachable', options);
    this.sent = sent;
  }
}
