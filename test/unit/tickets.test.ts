import { randomBytes } from 'node:crypto';
import { expect, test } from 'vitest';
import { Tickets, type Ticket } from '../../router-core/websocket/hub/tickets.ts';

const ticket: Ticket = {
  group: 'gpu',
  record: 'gpu-1',
  relay: 'hub-a1.00ff00ff',
  id: '01-5',
  attempt: 2,
  place: '0+scope 1764496694123-0',
};

test('a ticket says what was signed, whatever is in its fields', () => {
  const tickets = new Tickets(randomBytes(32));
  for (const record of ['gpu-1', '-', '', 'slime a:b', '=', 'é\n%3A', '\ud800']) {
    const read = tickets.read(tickets.sign({ ...ticket, record }));
    expect(read).toEqual({ ...ticket, record: Buffer.from(record).toString() });
  }
});

test('no two tickets have the same text', () => {
  const tickets = new Tickets(randomBytes(32));
  const one = tickets.sign({ ...ticket, record: 'a:b', relay: 'c' });
  expect(tickets.sign({ ...ticket, record: 'a', relay: 'b:c' })).not.toBe(one);
});

test('a ticket fits into a field of HTTP', () => {
  expect(new Tickets(randomBytes(32)).sign({ ...ticket, id: 'x\r\ny' })).toMatch(
    /^[\x21-\x7e][\x20-\x7e]*[\x21-\x7e]$/,
  );
});

test('what no hub has signed is no ticket', () => {
  const tickets = new Tickets(randomBytes(32));
  const signed = tickets.sign(ticket);
  const other = new Tickets(randomBytes(32)).sign(ticket);
  const changed = signed.replace('gpu-1', 'gpu-2');
  for (const text of ['', ':', ':::::::', other, changed, signed.slice(0, -1), `${signed}A`, `x${signed}`])
    expect(tickets.read(text)).toBeUndefined();
});
