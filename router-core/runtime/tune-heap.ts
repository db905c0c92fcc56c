import { setFlagsFromString } from 'node:v8';

/**
 * Lets the garbage collector wait until the heap has grown fourfold, which is the most that V8 itself allows. Body bytes
 * pass as buffers outside the heap, and V8 counts them against the limit of a heap that is otherwise tiny. What that cost
 * is in docs/decisions/0010-fewer-garbage-collections.md.
 *
 * What is young is collected by one thread: there is so little alive that waking the others costs more than they do. To be
 * called first.
 */
export function tuneHeap(): void {
  setFlagsFromString('--heap-growing-percent=300');
  setFlagsFromString('--no-parallel-scavenge');
}
