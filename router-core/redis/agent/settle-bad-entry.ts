import { FrameStream } from '../../exchange/frame-stream.ts';
import type { BadEntry } from './pulled-requests.ts';
import type { ExchangeHost } from './redis-agent-exchange.ts';

/** Settles an entry that is no request, so that it does not come again. Its hub is told when the meta can be read. */
export function settleBadEntry({ entry, meta }: BadEntry, host: ExchangeHost): void {
  const { id, attempt, hub } = meta ?? { id: '-', attempt: 0, hub: '' };
  const stream = new FrameStream({
    id,
    attempt,
    reader: hub,
    credit: 0,
    outKey: host.keys.down(id, attempt),
    inKey: host.keys.up(id),
    onPending: (pending) => host.send(pending),
    settle: { entry, permit: `${id}:${attempt}` },
    onSettled: () => host.settling(entry),
  });
  if (meta) stream.fail('upstream-failed', 'the request cannot be read');
  else stream.close();
}
