const FRAMES = '⠋⠙⠹⠸⠼⠴⠦⠧⠇⠏';
const FRAME_MS = 100;
/** Shorter waits need no explanation. */
const SLOW_MS = 700;

/** Shows on stderr what is waited for, while that takes long. Returns a function that ends it. Silent without a terminal. */
export function showProgress(text: string): () => void {
  const { stderr } = process;
  if (!stderr.isTTY) return () => undefined;
  let frame = 0;
  let isShown = false;
  const draw = (): void => {
    isShown = true;
    stderr.write(`\r${FRAMES[frame % FRAMES.length]} ${text}`);
    frame += 1;
  };
  let interval: NodeJS.Timeout | undefined;
  const timer = setTimeout(() => {
    draw();
    interval = setInterval(draw, FRAME_MS);
  }, SLOW_MS);
  return () => {
    clearTimeout(timer);
    clearInterval(interval);
    // Back, and the rest of the line away.
    if (isShown) stderr.write('\r\u001b[K');
  };
}
