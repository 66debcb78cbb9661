// Photos on their way to the engine: a few at a time, in order, none lost.

import { Trouble, wasStopped } from "./trouble.js";

const GONE_WAIT_SECONDS = 10;
const PASSING = ["busy", "gone", "locked"]; // the photo is not to blame: it waits

/**
 * A queue of photos. A photo here is any object; the queue sets its `turn` and its `state`:
 * "waiting", "asked", "answered" (with `answer`), "failed" (with `error`) or "stopped".
 */
export class Queue {
  /**
   * @param {(photo, signal) => Promise<object>} ask Gives a photo's answer.
   * @param {number} numAtOnce How many may be under way.
   * @param {(photo) => void} onChange Called whenever a photo's state has changed.
   * @param {(trouble: Trouble|null) => void} onPause Called when the queue stops by
   *   itself ("busy", "gone" or "locked", with the seconds it will wait, if any), and when it goes on (null).
   */
  constructor(ask, numAtOnce, onChange, onPause) {
    Object.assign(this, { ask, numAtOnce, onChange, onPause });
    this.waiting = [];
    this.underWay = new Map(); // photo -> AbortController
    this.pause = null; // a timer, while the queue stands still
    this.numPauses = 0; // that are over
    this.numAdded = 0;
  }

  get isEmpty() {
    return this.waiting.length + this.underWay.size === 0;
  }

  add(photos) {
    for (const photo of photos) this.set(photo, "waiting", { turn: (this.numAdded += 1) });
    this.waiting.push(...photos);
    this.goOn();
  }

  /** Stop these photos, or all of them; what was answered already stays. */
  stop(photos = [...this.waiting, ...this.underWay.keys()]) {
    const stopped = new Set(photos);
    this.waiting = this.waiting.filter((photo) => !stopped.has(photo));
    for (const photo of stopped) {
      this.underWay.get(photo)?.abort();
      this.underWay.delete(photo);
      if (photo.state === "waiting" || photo.state === "asked") this.set(photo, "stopped");
    }
    if (this.isEmpty) this.wake();
    this.goOn();
  }

  /** Go on at once after a pause. */
  wake() {
    if (this.pause === null) return;
    clearTimeout(this.pause);
    this.pause = null;
    this.numPauses += 1;
    this.onPause(null);
    this.goOn();
  }

  goOn() {
    while (this.pause === null && this.waiting.length && this.underWay.size < this.numAtOnce) {
      this.start(this.waiting.shift());
    }
  }

  async start(photo) {
    const controller = new AbortController();
    const { numPauses } = this;
    this.underWay.set(photo, controller);
    this.set(photo, "asked");
    try {
      const answer = await this.ask(photo, controller.signal);
      if (this.underWay.get(photo) === controller) this.set(photo, "answered", { answer, error: "" });
    } catch (error) {
      if (this.underWay.get(photo) === controller) this.fail(photo, error, numPauses);
    } finally {
      if (this.underWay.get(photo) === controller) this.underWay.delete(photo);
      this.goOn();
    }
  }

  fail(photo, error, numPauses) {
    if (wasStopped(error)) return this.set(photo, "stopped");
    if (error instanceof Trouble && PASSING.includes(error.kind)) {
      const next = this.waiting.findIndex(({ turn }) => turn > photo.turn);
      this.waiting.splice(next < 0 ? this.waiting.length : next, 0, photo); // where it was in line
      this.set(photo, "waiting");
      // What was asked before a pause that is over says nothing of now: it is just asked again.
      return numPauses === this.numPauses && this.rest(error);
    }
    if (!(error instanceof Trouble)) console.error(error);
    return this.set(photo, "failed", { error: error.message });
  }

  rest(trouble) {
    if (this.pause !== null) return;
    const seconds = { busy: trouble.seconds, gone: GONE_WAIT_SECONDS, locked: 0 }[trouble.kind];
    // Without a key only a person can go on.
    this.pause = trouble.kind === "locked" ? 0 : setTimeout(() => this.wake(), seconds * 1000);
    this.onPause(new Trouble(trouble.kind, trouble.message, seconds));
  }

  set(photo, state, more = {}) {
    Object.assign(photo, { state }, more);
    this.onChange(photo);
  }
}
