import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { DeadlineTimer } from '../../router-core/hub/deadline-timer.ts';
import { ServiceRate } from '../../router-core/hub/service-rate.ts';

beforeEach(() => {
  vi.useFakeTimers();
});
afterEach(() => {
  vi.useRealTimers();
});

const owner = {
  fault: (error: unknown) => {
    throw error;
  },
};

describe('a deadline timer', () => {
  test('fires once, when its time has come and not before', () => {
    const onExpire = vi.fn<() => void>();
    new DeadlineTimer(owner).set(100, onExpire);
    vi.advanceTimersByTime(98);
    expect(onExpire).not.toHaveBeenCalled();
    vi.advanceTimersByTime(1_000);
    expect(onExpire).toHaveBeenCalledTimes(1);
  });

  test('waits anew after every push', () => {
    const onExpire = vi.fn<() => void>();
    const timer = new DeadlineTimer(owner);
    timer.set(100, onExpire);
    for (let i = 0; i < 10; i++) {
      vi.advanceTimersByTime(80);
      timer.push(100);
    }
    expect(onExpire).not.toHaveBeenCalled();
    vi.advanceTimersByTime(110);
    expect(onExpire).toHaveBeenCalledTimes(1);
  });

  test('can be set to an earlier time, and then tells the new listener only', () => {
    const [first, second] = [vi.fn<() => void>(), vi.fn<() => void>()];
    const timer = new DeadlineTimer(owner);
    timer.set(10_000, first);
    timer.set(50, second);
    vi.advanceTimersByTime(60);
    expect(second).toHaveBeenCalledTimes(1);
    vi.advanceTimersByTime(20_000);
    expect(first).not.toHaveBeenCalled();
  });

  test('never fires when cleared, or when set to 0', () => {
    const onExpire = vi.fn<() => void>();
    const timer = new DeadlineTimer(owner);
    timer.set(50, onExpire);
    timer.clear();
    timer.set(50, onExpire);
    timer.set(0, onExpire);
    vi.advanceTimersByTime(10_000);
    expect(onExpire).not.toHaveBeenCalled();
    expect(vi.getTimerCount()).toBe(0);
  });

  test('can be set again by its own listener', () => {
    const timer = new DeadlineTimer(owner);
    const second = vi.fn<() => void>();
    timer.set(50, () => timer.set(50, second));
    vi.advanceTimersByTime(90);
    expect(second).not.toHaveBeenCalled();
    vi.advanceTimersByTime(20);
    expect(second).toHaveBeenCalledTimes(1);
  });
});

describe('the service rate', () => {
  test('says when to come again from what was served lately', () => {
    const rates = new ServiceRate();
    expect(rates.retryAfterS('unknown', 100)).toBeGreaterThanOrEqual(1);
    for (let second = 0; second < 30; second++) {
      for (let i = 0; i < 10; i++) rates.served('g');
      vi.advanceTimersByTime(1_000);
    }
    const afterHundred = rates.retryAfterS('g', 100);
    expect(afterHundred).toBeGreaterThanOrEqual(10);
    expect(afterHundred).toBeLessThanOrEqual(11);
    expect(rates.retryAfterS('g', 0)).toBe(1);
    expect(rates.retryAfterS('g', 1_000_000)).toBe(60);
    rates.close();
  });

  test('keeps groups apart, and forgets what was long ago', () => {
    const rates = new ServiceRate();
    for (let i = 0; i < 100; i++) rates.served('busy');
    vi.advanceTimersByTime(1_000);
    const soon = rates.retryAfterS('busy', 100);
    expect(rates.retryAfterS('idle', 100)).toBe(5);
    vi.advanceTimersByTime(20_000);
    expect(rates.retryAfterS('busy', 100)).toBeGreaterThan(soon);
    rates.close();
  });
});
