import { onTestFinished } from 'vitest';
import { openRaw, valuesOf, type RawConnection, type RawReply } from '../../support/raw-http.ts';

/** The request message that an accept has brought. Text is latin1. */
export interface AcceptedRequest {
  readonly connectionId: string;
  /** Request line and fields, to the empty line. */
  readonly head: string;
  readonly body: string;
}

export interface Submit {
  readonly connection: RawConnection;
  /** One chunk, as Go's client writes one for each write of the pipe. */
  write(bytes: string | Buffer): void;
  end(): void;
  reply(): Promise<RawReply>;
}

/** A worker of slime's agent, byte for byte as Go's client sends what it says. Each call has a connection of its own. */
export class SlimeWorker {
  readonly #port: number;
  readonly #token: string;
  readonly #id: string;

  constructor({ port, token, id = '42' }: { port: number; token: string; id?: string }) {
    this.#port = port;
    this.#token = token;
    this.#id = id;
  }

  async join(hardware = ''): Promise<RawReply> {
    const connection = await this.open();
    const chunk = `${Buffer.byteLength(hardware).toString(16)}\r\n${hardware}\r\n0\r\n\r\n`;
    if (hardware === '') connection.write(this.head('join', ['Content-Length: 0']));
    else connection.write(this.head('join', ['Transfer-Encoding: chunked']) + chunk);
    return connection.reply();
  }

  /** Asks for a request, and leaves what comes to the test. */
  async ask(): Promise<RawConnection> {
    const connection = await this.open();
    connection.write(this.head('accept', ['Content-Length: 0']));
    return connection;
  }

  /** Asks until there is a request, at once after whatever is no 200. */
  async accept(): Promise<AcceptedRequest> {
    for (;;) {
      const reply = await (await this.ask()).reply();
      if (reply.status === 200) return acceptedRequest(reply);
    }
  }

  async submit(connectionId: string): Promise<Submit> {
    const connection = await this.open();
    connection.write(this.head('submit', ['Transfer-Encoding: chunked'], connectionId));
    return {
      connection,
      write(bytes) {
        const data = Buffer.from(bytes as string, 'latin1');
        connection.write(`${data.length.toString(16)}\r\n`);
        connection.write(data);
        connection.write('\r\n');
      },
      end: () => connection.write('0\r\n\r\n'),
      reply: () => connection.reply(),
    };
  }

  /** Submits a reply whole, as Go's `Response.Write` puts it. */
  async answer(connectionId: string, body: string, fields: readonly string[] = []): Promise<RawReply> {
    const submit = await this.submit(connectionId);
    submit.write(`HTTP/1.1 200 OK\r\nContent-Length: ${Buffer.byteLength(body)}\r\n`);
    for (const field of fields) submit.write(`${field}\r\n`);
    submit.write('\r\n');
    submit.write(body);
    submit.end();
    return submit.reply();
  }

  async open(): Promise<RawConnection> {
    const connection = await openRaw(this.#port);
    onTestFinished(() => connection.close());
    return connection;
  }

  /** Go writes Host, User-Agent and the framing first, then the fields by their names, then its own Accept-Encoding. */
  head(call: string, framing: readonly string[], connectionId?: string): string {
    const lines = [
      `POST /v1/agent/${call} HTTP/1.1`,
      `Host: 127.0.0.1:${this.#port}`,
      'User-Agent: Go-http-client/1.1',
      ...framing,
      `Slime-Agent-Id: ${this.#id}`,
      `Slime-Agent-Token: ${this.#token}`,
      ...(connectionId === undefined ? [] : [`Slime-Connection-Id: ${connectionId}`]),
      'Accept-Encoding: gzip',
    ];
    return `${lines.join('\r\n')}\r\n\r\n`;
  }
}

export function acceptedRequest({ headers, body }: RawReply): AcceptedRequest {
  const text = body.toString('latin1');
  const end = text.indexOf('\r\n\r\n') + 4;
  const [connectionId = ''] = valuesOf(headers, 'slime-connection-id');
  return { connectionId, head: text.slice(0, end), body: text.slice(end) };
}
