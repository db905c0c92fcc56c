import { describe } from 'vitest';
import type { LinkWorld } from './joined-link.ts';
import { leavingTests } from './leaving-tests.ts';
import { pullingTests } from './pulling-tests.ts';
import { givingBackTests, replyTests } from './reply-tests.ts';
import { windowTests } from './window-tests.ts';

/** The promises of every implementation of AgentLink, whatever is between it and the hub. */
export function agentLinkSuite(name: string, makeWorld: () => Promise<LinkWorld>): void {
  describe(`an agent's link over ${name}`, () => {
    describe('pulling', () => {
      pullingTests(makeWorld);
    });
    describe('replies', () => {
      replyTests(makeWorld);
    });
    describe('requests that are requeued', () => {
      givingBackTests(makeWorld);
    });
    describe('windows', () => {
      windowTests(makeWorld);
    });
    describe('leaving and being lost', () => {
      leavingTests(makeWorld);
    });
  });
}
