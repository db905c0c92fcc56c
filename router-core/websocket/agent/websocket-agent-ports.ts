import type { AgentPorts } from '../../exchange/agent-link.ts';
import type { Logger } from '../../runtime/logger.ts';
import { HubDialer } from './hub-dialer.ts';
import { hubIdentitySource } from './hub-identity.ts';
import { HubTurns } from './hub-turns.ts';
import { UnknownToken } from './unknown-token.ts';
import { WebsocketAgentLink } from './websocket-agent-link.ts';

export interface WebsocketAgentOptions {
  /** Addresses of hubs, perhaps with a base path; tried one after the other. */
  readonly hubs: readonly string[];
  readonly token: string;
  /** Certificates that hubs are checked against, PEM, instead of those of this machine. */
  readonly ca?: string | undefined;
  /** The token has ended; called several times. */
  readonly onRevoked: () => void;
  readonly log: Logger;
}

/** An agent that reaches hubs only. */
export function websocketAgentPorts({ hubs, token, ca, onRevoked, log }: WebsocketAgentOptions): AgentPorts {
  const dialer = new HubDialer({ token, ca });
  const common = { dialer, unknown: new UnknownToken(), onRevoked, log };
  return {
    createLink: (options) => new WebsocketAgentLink({ ...common, ...options, turns: new HubTurns(hubs) }),
    identitySource: hubIdentitySource({ ...common, turns: new HubTurns(hubs) }),
  };
}
