import type { Inbox } from './inbox.ts';

/**
 * The inboxes of the hubs of this process. A relay in the same process gives the frames of a reply straight to them: the first one
 * and the settlement go through Redis, so that everybody else knows what they know of any reply.
 */
export class LocalInboxes {
  readonly #byHub = new Map<string, Inbox>();

  add(hub: string, inbox: Inbox): void {
    this.#byHub.set(hub, inbox);
  }

  delete(hub: string): void {
    this.#byHub.delete(hub);
  }

  find(hub: string): Inbox | undefined {
    return this.#byHub.get(hub);
  }
}
