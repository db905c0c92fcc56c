import type { Readable } from 'node:stream';
import type { CheckedRequest } from '../../http/check-request.ts';

/** One request as its client has sent it, whichever version of HTTP carried it. */
export interface ClientRequest {
  readonly method: string;
  /** The target as sent. `check()` returns the target that counts. */
  readonly target: string;
  /** Such as `1.1`. */
  readonly httpVersion: string;
  readonly scheme: 'http' | 'https';
  /** IP address of the machine that has connected to this hub. */
  readonly peer: string;
  /** Names and values in turn, as sent. */
  readonly rawHeaders: readonly string[];
  /** All of the body has arrived. */
  readonly complete: boolean;
  /** The body flows from here, and waits at the client while this is paused. */
  readonly body: Readable;
  /** Names and values in turn. There are none before the body has ended. */
  readonly rawTrailers: readonly string[];
  /** The hub reads, and the rest of the body has not arrived: the client is late, not the hub. */
  readonly awaitsBody: boolean;
  /** Undefined when the client does not ask to switch protocols. */
  readonly protocolSwitch: ProtocolSwitch | undefined;
  /** Checks the syntax that its version of HTTP demands. The result holds target, authority and length of the body. */
  check(): CheckedRequest;
  /** The value of a field, with the values of all its lines joined. `name` in lower case. */
  field(name: string): string | undefined;
  /** Sends 100 Continue to a client that waits for it. The first call counts. */
  askForBody(): void;
}

/** A client asks to leave HTTP: by Upgrade in HTTP/1.1, by extended CONNECT in HTTP/2 (RFC 8441). */
export interface ProtocolSwitch {
  /** Such as `websocket`. */
  readonly protocol: string;
  /** The bytes that the client sends behind its request. */
  readonly input: Readable;
}
