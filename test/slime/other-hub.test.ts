import { request } from 'node:http';
import { once } from 'node:events';
import { expect, test } from 'vitest';
import { agentRecords } from '../support/agent-records.ts';
import { hubHere, hubProcess, redisHere } from '../support/parts.ts';
import { uniqueGroup } from '../support/router.ts';
import { slimeHere, type SlimeHere } from './support/slime-here.ts';
import { SlimeWorker } from './support/slime-worker.ts';

/** Two hubs of one group, and a worker of the first one that calls the second. */
async function twoHubs() {
  const here = await slimeHere();
  const other = await hubHere(here.redisUrl, here.group, { slime: true });
  const elsewhere = await here.worker({ joins: false, port: other.port });
  return { here, elsewhere };
}

/** The connection id of the next request. */
async function nextId(here: SlimeHere): Promise<string> {
  return (await (await here.worker()).accept()).connectionId;
}

test('a reply may be submitted to another hub than the one that handed out the request', async () => {
  const { here, elsewhere } = await twoHubs();
  const accepted = nextId(here);
  const reply = fetch(here.hub.url, { method: 'POST', body: 'question' });
  expect((await elsewhere.answer(await accepted, 'answer')).status).toBe(200);
  const response = await reply;
  expect(response.status).toBe(200);
  expect(response.headers.get('slime-agent-id')).toBe('42');
  expect(await response.text()).toBe('answer');
});

test('the reply to HEAD has no body at another hub either', async () => {
  const { here, elsewhere } = await twoHubs();
  const accepted = nextId(here);
  const head = request(here.hub.url, { method: 'HEAD' }).end();
  const replied = once(head, 'response');
  const submit = await elsewhere.submit(await accepted);
  submit.write('HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n');
  submit.end();
  expect((await submit.reply()).status).toBe(200);
  const [response] = (await replied) as [{ headers: Record<string, string> }];
  expect(response.headers['content-length']).toBe('5');
});

test('what is over is over at every hub, and no worker is ended for it', async () => {
  const { here, elsewhere } = await twoHubs();
  const agent = await here.worker();
  const accepted = agent.accept();
  const reply = fetch(here.hub.url, { method: 'POST', body: 'x' });
  const { connectionId } = await accepted;
  await agent.answer(connectionId, 'first');
  expect(await (await reply).text()).toBe('first');
  expect((await elsewhere.answer(connectionId, 'second')).status).toBe(200);
});

test('the hub that handed it out may have died', async () => {
  const { url: redisUrl } = await redisHere();
  const group = uniqueGroup();
  const dying = await hubProcess(redisUrl, group, ['--slime', '--lease', '4s']);
  const other = await hubHere(redisUrl, group, { slime: true, leaseMs: 4_000 });
  const token = await agentRecords(redisUrl).set('gpu', { group });
  const agent = new SlimeWorker({ port: Number(new URL(dying.url).port), token });
  const accepted = agent.accept();
  const reply = fetch(other.url, { method: 'POST', body: 'question' });
  const { connectionId } = await accepted;
  await dying.kill('SIGKILL');
  await dying.ended;
  const elsewhere = new SlimeWorker({ port: other.port, token });
  expect((await elsewhere.answer(connectionId, 'answer')).status).toBe(200);
  expect(await (await reply).text()).toBe('answer');
}, 60_000);
