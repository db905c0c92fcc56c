"""An agent of mini-router in Python, written from docs/link.md alone. Needs Python 3.11 and aiohttp.

HUB=https://router.example.com TOKEN=mr_agent_... UPSTREAM=http://127.0.0.1:8000 SLOTS=4 python python-agent.py
"""
import asyncio, json, os, random, struct, sys, time
import aiohttp

HELLO, WELCOME, REQUEST, DATA, CREDIT, STOP, SETTLED, RESUMED, GONE, REFUSED = 1, 2, 5, 6, 7, 8, 9, 12, 13, 15
WINDOW, PIECE = 1 << 20, 16 * 1024
CONNECTION_FIELDS = {b"connection", b"keep-alive", b"proxy-connection", b"transfer-encoding", b"upgrade", b"te", b"trailer"}
AUTO_FIELDS = {"Accept", "Accept-Encoding", "Content-Type", "User-Agent"}


class Call:
    """One request: its upstream call, and what the hub may want to hear again of the reply."""

    def __init__(self, agent, message, body):
        self.agent, self.message, self.ticket, self.first = agent, message, message["ticket"], body
        self.ws = self.channel = self.head = self.end = None
        self.kept, self.start = bytearray(), 0  # bytes of the reply's body from this offset on
        self.chunks, self.received, self.asked = asyncio.Queue(), 0, 0
        self.changed, self.room = asyncio.Event(), asyncio.Event()
        self.tasks = [asyncio.create_task(self.run()), asyncio.create_task(self.send_reply())]

    def attach(self, ws, channel, have=0, head_seen=False, up_to=WINDOW):
        self.ws, self.channel, self.sent, self.head_sent, self.end_sent = ws, channel, have, head_seen, False
        self.agent.channels[channel] = self
        self.credit(up_to)

    def credit(self, up_to):
        self.up_to, acknowledged = up_to, max(self.start, up_to - WINDOW)
        del self.kept[: acknowledged - self.start]
        self.start = acknowledged
        self.changed.set()
        self.room.set()

    def over(self):
        self.agent.calls.pop(self.ticket, None)
        self.agent.channels.pop(self.channel, None)
        for task in self.tasks:
            task.cancel()

    async def body(self):
        """The request's body: what came with it, then the rest as it is asked for."""
        if self.first:
            yield self.first
        taken = 0
        while self.message.get("follows"):
            if taken + WINDOW - self.asked >= WINDOW // 4:
                self.asked = taken + WINDOW
                await send(self.ws, CREDIT, self.channel, {"upTo": self.asked})
            if (chunk := await self.chunks.get()) is None:
                return
            yield chunk
            taken += len(chunk)

    async def run(self):
        try:
            if self.message.get("mayHaveRun"):
                return self.finish("failed", "agent-lost\nit may have run elsewhere")
            method, target, _, fields = self.message["head"].split("\n", 3)
            headers = [tuple(line.split(": ", 1)) for line in fields.split("\r\n") if line]
            body = self.body() if self.first or self.message.get("follows") else None
            options = {"headers": headers, "skip_auto_headers": AUTO_FIELDS, "data": body, "allow_redirects": False}
            began = time.monotonic()
            async with self.agent.http.request(method, os.environ["UPSTREAM"] + target, **options) as reply:
                names = [pair for pair in reply.raw_headers if pair[0].lower() not in CONNECTION_FIELDS]
                lines = b"".join(name + b": " + value + b"\r\n" for name, value in names).decode("latin1")
                ms = round((time.monotonic() - began) * 1000, 1)
                self.head = f"{reply.status}\n{reply.reason}\n{ms}\n{lines}"
                self.changed.set()
                async for chunk in reply.content.iter_any():
                    self.kept += chunk
                    self.changed.set()
                    while self.start + len(self.kept) >= self.up_to:
                        self.room.clear()
                        await self.room.wait()
            self.finish("end", "")
        except aiohttp.ClientError as error:
            code = "unreachable" if isinstance(error, aiohttp.ClientConnectorError) else "failed"
            self.finish("failed", f"upstream-{code}\n{type(error).__name__}")

    def finish(self, how, text):
        self.end = {how: text}
        self.changed.set()

    async def send_reply(self):
        """Sends what is new, piece by piece, over whatever link there is."""
        while await self.changed.wait():
            self.changed.clear()
            while self.ws and not self.end_sent:
                at = self.sent - self.start
                piece = bytes(self.kept[at : at + PIECE])
                is_last = self.end is not None and at + len(piece) == len(self.kept)
                parts = {} if self.head is None or self.head_sent else {"head": self.head}
                if not (piece or parts or is_last):
                    break
                self.sent, self.head_sent, self.end_sent = self.sent + len(piece), self.head is not None, is_last
                await send(self.ws, DATA, self.channel, parts | (self.end if is_last else {}), piece)


async def send(ws, kind, channel, message, rest=b""):
    text = json.dumps(message, ensure_ascii=False).encode()
    try:
        await ws.send_bytes(struct.pack(">BII", kind, channel, len(text)) + text + rest)
    except (OSError, aiohttp.ClientError, AttributeError):
        pass  # There is no link any more. The next one is told where each body stands.


class Agent:
    calls, channels, former, lease, lost_at, pause = {}, {}, None, 6.0, 0.0, 1.0

    async def main(self):
        timeout = aiohttp.ClientTimeout(total=None, sock_connect=10)
        async with aiohttp.ClientSession(timeout=timeout, auto_decompress=False) as self.http:
            while True:
                try:
                    await self.follow_link()
                except (OSError, aiohttp.ClientError) as error:
                    if getattr(error, "status", 0) == 401:
                        sys.exit("the token of this agent has ended")
                    print("no link:", error, file=sys.stderr)
                if self.calls and time.monotonic() - self.lost_at > self.lease:
                    self.former = None
                    for call in list(self.calls.values()):
                        call.over()
                await asyncio.sleep(random.uniform(0.1, min(self.pause, self.lease / 6 if self.calls else 30)))
                self.pause = min(30, self.pause * 2)

    async def follow_link(self):
        headers, slots = {"Authorization": "Bearer " + os.environ["TOKEN"]}, int(os.environ.get("SLOTS", "1"))
        options = {"headers": headers, "protocols": ["mini-router.v1"], "max_msg_size": 1 << 18, "heartbeat": self.lease / 6}
        async with self.http.ws_connect(os.environ["HUB"] + "/_router/link", **options) as ws:
            report = {"version": "python", "concurrency": slots, "inFlight": len(self.calls), "state": "ready"}
            present = [{"ticket": t, "attempt": c.message["attempt"], "have": c.received} for t, c in self.calls.items()]
            hello = {"protocol": 1, "name": "python", "offer": {"n": 1, "slots": slots, "report": report}, "present": present}
            await send(ws, HELLO, 0, hello | ({"former": self.former} if self.former else {}))
            async for frame in ws:
                if frame.type is not aiohttp.WSMsgType.BINARY:
                    break
                self.lost_at, (kind, channel, size) = time.monotonic(), struct.unpack_from(">BII", frame.data)
                await self.on_message(ws, kind, channel, json.loads(frame.data[9 : 9 + size] or "{}"), frame.data[9 + size :])
        self.channels.clear()
        for call in self.calls.values():
            call.ws = None

    async def on_message(self, ws, kind, channel, message, rest):
        call = self.channels.get(channel) or self.calls.get(message.get("ticket"))
        if kind == WELCOME:
            self.former, self.lease, self.pause = message["instance"], message["leaseMs"] / 1000, 1.0
        elif kind == REQUEST:
            self.calls[message["ticket"]] = Call(self, message, rest)
            self.calls[message["ticket"]].attach(ws, channel)
        elif kind == REFUSED and message["code"] == "token-ended":
            sys.exit("the token of this agent has ended")
        elif call and kind == RESUMED:
            call.attach(ws, channel, message["have"], message["headSeen"], message["upTo"])
            if call.asked:
                await send(ws, CREDIT, channel, {"upTo": call.asked})
        elif call and kind == DATA:
            call.received += len(rest)
            for chunk in ([rest] if rest else []) + ([None] if "end" in message else []):
                call.chunks.put_nowait(chunk)
        elif call and kind == CREDIT:
            call.credit(message["upTo"])
        elif call and kind in (STOP, SETTLED, GONE):
            call.over()


asyncio.run(Agent().main())
