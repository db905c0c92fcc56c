const FRAMES = '⠋⠙⠹⠸⠼⠴⠦⠧⠇⠏';
const FRAME_MS = 100;
/** What is faster needs no explanation. */
const SLOW_MS = 700;

/** Says on stderr what is waited for, while that takes long. Answers what ends it. Silent where there is no terminal. */
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
