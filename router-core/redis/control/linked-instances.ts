import type { Redis } from 'ioredis';
import type { LinkedAgentReport } from '../../exchange/relay-link.ts';
import { decodeLinkedAgents, MOST_LINKED_BYTES } from '../agent/linked-agents.ts';
import { isServerError } from '../connection/connection.ts';
import { groupKeys } from '../scripts/keys.ts';

/** The agents that are linked to a relay, as it has shown them lately; none of what is not its key. */
export async function readLinkedAgents(
  client: Redis,
  group: string,
  relay: string,
): Promise<LinkedAgentReport[]> {
  const key = groupKeys(group).linked(relay);
  const text = await client.getrange(key, 0, MOST_LINKED_BYTES).catch((error: unknown) => {
    // Agents can write something else there.
    if (isServerError(error)) return '';
    throw error;
  });
  return decodeLinkedAgents(text);
}

/** Which linked agent runs which request, of the relays of one group. Each relay is asked once. */
export class LinkedRequests {
  readonly #group: string;
  readonly #relays = new Map<string, Promise<ReadonlyMap<string, string>>>();

  constructor(group: string) {
    this.#group = group;
  }

  /** Name of the linked agent that runs the request; undefined when its relay has not said. */
  async agentOf(client: Redis, relay: string, id: string): Promise<string | undefined> {
    const known = this.#relays.get(relay) ?? this.#read(client, relay);
    this.#relays.set(relay, known);
    return (await known).get(id);
  }

  async #read(client: Redis, relay: string): Promise<ReadonlyMap<string, string>> {
    const agents = await readLinkedAgents(client, this.#group, relay);
    return new Map(agents.flatMap(({ instance, requests = [] }) => requests.map((id) => [id, instance])));
  }
}
