import { setFlagsFromString } from 'node:v8';

/**
 * Lets the garbage collector wait until the heap has grown fourfold, the most that V8 allows. Body bytes pass as buffers
 * outside the heap, and V8 counts them against the limit of a heap that is otherwise tiny.
 * docs/decisions/0010-fewer-garbage-collections.md has the cost of that.
 * One thread collects young objects: so few are alive that waking other threads would cost more than they save. Must be called
 * first.
 */
export function tuneHeap(): void {
  setFlagsFromString('--heap-growing-percent=300');
  setFlagsFromString('--no-parallel-scavenge');
}
