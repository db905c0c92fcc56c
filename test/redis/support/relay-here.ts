import { onTestFinished } from 'vitest';
import type { RecordGrant, RecordShare, RelayLink } from '../../../router-core/exchange/relay-link.ts';
import { redisRelayLinks } from '../../../router-core/redis/agent/redis-relay-links.ts';
import { LocalInboxes } from '../../../router-core/redis/frames/local-inboxes.ts';
import { recordLog } from '../../support/config.ts';

export interface RelayHere {
  readonly link: RelayLink;
  /** Offers this from now on; resolves when it counts. */
  readonly offer: (shares: readonly RecordShare[]) => Promise<void>;
  /** The last grant of the record, as `slots state`. */
  readonly granted: (record: string) => string;
  readonly grants: () => readonly RecordGrant[];
}

/** So many slots of a record, some of them in use. */
export function share(record: string, slots: number, running = 0): RecordShare {
  return { record, slots, running };
}

/** A relay in its group, until the test ends. */
export async function relayHere(
  redisUrl: string,
  group: string,
  offered: readonly RecordShare[],
  { scopes = [] }: { scopes?: readonly string[] } = {},
): Promise<RelayHere> {
  let shares = offered;
  let last: readonly RecordGrant[] = [];
  const { log } = recordLog();
  const report = { name: 'hub', version: '0', concurrency: 1, inFlight: 0, state: 'ready' } as const;
  const link = redisRelayLinks({ redisUrl, local: new LocalInboxes() })({
    group,
    scopes,
    name: 'hub-here',
    report: () => ({ shares, report }),
    onGrants: (grants) => (last = grants),
    log,
  });
  onTestFinished(() => link.close(100));
  await link.join();
  return {
    link,
    offer: (now) => {
      shares = now;
      return link.report();
    },
    granted: (record) => {
      const grant = last.find((each) => each.record === record);
      return grant ? `${grant.slots} ${grant.state}` : 'nothing';
    },
    grants: () => last,
  };
}
