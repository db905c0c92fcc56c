import { expect, test } from 'vitest';
import { agentRecords } from '../support/agent-records.ts';
import { redisHere, upstreamHere } from '../support/parts.ts';
import { uniqueGroup } from '../support/router.ts';
import { waitFor } from '../support/wait.ts';
import { hubAt, linkedAgentProcess } from '../link/support/linked-agent-process.ts';
import { download, numberedUpstream, upload } from '../link/support/numbered-body.ts';

const LEASE_MS = 1_500;
const MIB = 1024 * 1024;

/** Two hubs, and an agent that has linked to one of them; the other one has its standby link if it is on another host. */
async function twoHubs(hosts: readonly [string, string]) {
  const { url: redisUrl } = await redisHere();
  const group = uniqueGroup();
  const hubs = await Promise.all(hosts.map((host) => hubAt(host, { redisUrl, group })));
  const token = await agentRecords(redisUrl).set('gpu', { group });
  const upstream = numberedUpstream();
  const { url } = await upstreamHere(upstream.listener);
  const agent = await linkedAgentProcess({ hubs: hubs.map((hub) => hub.url), token, upstream: url });
  const isAway = hosts[0] !== hosts[1];
  if (isAway) await agent.linked(2);
  const probe = download(hubs[0]?.url ?? '', 16_384, 0);
  await probe.done;
  const carrying = hubs.find((hub) => hub.url === agent.hubOf(probe.agent()));
  const other = hubs.find((hub) => hub !== carrying);
  if (!carrying || !other) throw new Error('no hub carries the link');
  upstream.calls.length = 0;
  return { carrying, other, agent, upstream };
}

const HOSTS: [string, [string, string]][] = [
  ['with a standby link', ['one', 'two']],
  ['without one', ['one', 'one']],
];

test.each(HOSTS)(
  'the hub that carries the link is killed, %s: streams of another hub pause for 3 s at most, and lose nothing',
  async (_how, hosts) => {
    const { carrying, other, agent, upstream } = await twoHubs(hosts);
    const slow = download(other.url, 4 * MIB, 10);
    const fast = download(other.url, 94 * MIB, 0);
    const sending = upload(other.url, 4 * MIB, 10);
    const begun = () => slow.received.bytes > MIB && fast.received.bytes > MIB;
    await waitFor(() => begun() && (upstream.uploads[0]?.bytes ?? 0) > MIB, { what: 'all of them to run' });
    expect(agent.hubOf(slow.agent())).toBe(carrying.url);
    await carrying.kill('SIGKILL');

    const whole = (bytes: number) => ({ bytes, inOrder: true, complete: true });
    const got = (await slow.done).received;
    expect(got).toMatchObject(whole(4 * MIB));
    expect((await fast.done).received).toMatchObject(whole(94 * MIB));
    const sent = await sending;
    expect(sent.status).toBe(200);
    expect(JSON.parse(sent.text)).toMatchObject(whole(4 * MIB));
    const pauses = [got, fast.received, upstream.uploads[0]].map((each) => each?.longestPause ?? Infinity);
    expect(Math.max(...pauses)).toBeLessThan(3_000);
    expect(upstream.calls).toHaveLength(3);
  },
);

test.each(HOSTS)(
  'the hub that carries the link falls silent, %s: after a lease and 2 s the streams of another hub go on',
  async (_how, hosts) => {
    const { carrying, other, upstream } = await twoHubs(hosts);
    const reply = download(other.url, 4 * MIB, 10);
    const sending = upload(other.url, 4 * MIB, 10);
    await waitFor(() => reply.received.bytes > MIB && (upstream.uploads[0]?.bytes ?? 0) > MIB, {
      what: 'both of them to run',
    });
    await carrying.kill('SIGSTOP');

    const got = (await reply.done).received;
    expect(got).toMatchObject({ bytes: 4 * MIB, inOrder: true, complete: true });
    const sent = await sending;
    expect(JSON.parse(sent.text)).toMatchObject({ bytes: 4 * MIB, inOrder: true, complete: true });
    const pauses = [got, upstream.uploads[0]].map((each) => each?.longestPause ?? Infinity);
    expect(Math.max(...pauses)).toBeLessThan(LEASE_MS + 2_000);
    expect(upstream.calls).toHaveLength(2);
    // Back again, it finds that the requests are not its any more.
    await carrying.kill('SIGCONT');
    const after = await download(carrying.url, 65_536, 0).done;
    expect(after).toMatchObject({ status: 200, received: { bytes: 65_536, inOrder: true } });
  },
);
