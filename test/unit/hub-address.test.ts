import { expect, test } from 'vitest';
import { identityUrl, linkUrl } from '../../router-core/websocket/agent/hub-address.ts';

test.each([
  ['https://router.example.com', 'wss://router.example.com/_router/link'],
  ['http://10.0.0.1:8080/', 'ws://10.0.0.1:8080/_router/link'],
  ['https://example.com/router/', 'wss://example.com/router/_router/link'],
  ['https://example.com/router/_router/link', 'wss://example.com/router/_router/link'],
])('%s is dialled at %s', (hub, url) => {
  expect(linkUrl(hub)).toBe(url);
  expect(identityUrl(hub)).toBe(url.replace(/^ws/, 'http').replace(/link$/, 'agent'));
});
