import type { ServerOptions } from 'node:http2';

/** Requests at once on a connection: nginx and Envoy, as clients, take about as many. */
const STREAMS = 256;

/** How much a client may send on a stream that nobody reads: as much as four reads of HTTP/1.1. */
const STREAM_WINDOW = 256 * 1024;

/** On all streams of a connection. Node counts bytes as taken when they are there, so this bounds the speed alone. */
export const CONNECTION_WINDOW = 4 * 1024 * 1024;

/** Bytes of a reply that may wait for a client to take them. */
const REPLY_WINDOW = 1024 * 1024;

/** The limits of a connection. What a head and a target may have is up to the hub. */
export const HTTP2_OPTIONS: ServerOptions = {
  settings: {
    maxConcurrentStreams: STREAMS,
    initialWindowSize: STREAM_WINDOW,
    // Above the limit of the hub, so that a client with a head that is too large is told.
    maxHeaderListSize: 64 * 1024,
    // WebSockets, RFC 8441.
    enableConnectProtocol: true,
  },
  maxHeaderListPairs: 2_048,
  // The head of a reply may be that large, see check-reply.ts.
  maxSendHeaderBlockLength: 256 * 1024,
  // MB. Node ends connections that hold more, those of honest clients too: so it is what all streams may hold.
  maxSessionMemory: Math.ceil((STREAMS * (STREAM_WINDOW + REPLY_WINDOW)) / 1e6),
  // A client may begin before it has seen the limit of streams.
  maxSessionRejectedStreams: 1_000,
};
