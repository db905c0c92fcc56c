/** The connection was lost, or there is none. Unless `sent` is false, nobody knows if the command ran. */
export class StoreUnavailableError extends Error {
  override readonly name = 'StoreUnavailableError';
  readonly sent: boolean;
  constructor(sent: boolean, options?: ErrorOptions) {
    super('Redis is not reachable', options);
    this.sent = sent;
  }
}
