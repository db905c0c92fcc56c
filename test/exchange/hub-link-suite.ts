import { describe } from 'vitest';
import { admissionTests } from './admission-tests.ts';
import { cancelTests } from './cancel-tests.ts';
import { hubReplyTests } from './hub-reply-tests.ts';
import type { HubWorld } from './joined-hub.ts';
import { moveTests } from './move-tests.ts';
import { servingTests } from './serving-tests.ts';

/** The promises of every implementation of HubLink, whatever is between it and the agents. */
export function hubLinkSuite(name: string, makeWorld: () => Promise<HubWorld>): void {
  describe(`a hub's link over ${name}`, () => {
    describe('admission', () => {
      admissionTests(makeWorld);
    });
    describe('bodies and replies', () => {
      hubReplyTests(makeWorld);
    });
    describe('requests that move', () => {
      moveTests(makeWorld);
    });
    describe('requests that are stopped', () => {
      cancelTests(makeWorld);
    });
    describe('groups, apps and reports', () => {
      servingTests(makeWorld);
    });
  });
}
