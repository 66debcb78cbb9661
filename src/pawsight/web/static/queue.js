// A queue of photos before the engine: a few run at a time, in order, and none is lost.

import { EngineError, wasStopped } from "./engine_error.js";

const UNREACHABLE_WAIT_SECONDS = 10;
const TEMPORARY = ["busy", "unreachable", "unauthorized"]; // not an error of the photo: it is retried

/**
 * A queue of photos. A photo here is any object; the queue sets its `turn` and its `state`:
 * "waiting", "running", "answered" (with `answer`), "failed" (with `error`) or "stopped".
 */
export class Queue {
  /**
   * @param {(photo, signal) => Promise<object>} predict Returns a photo's answer.
   * @param {number} numAtOnce How many may run at once.
   * @param {(photo) => void} onChange Called whenever a photo's state has changed.
   * @param {(error: EngineError|null) => void} onPause Called when the queue pauses by
   *   itself ("busy", "unreachable" or "unauthorized", with the seconds it will wait), and when it resumes (null).
   */
  constructor(predict, numAtOnce, onChange, onPause) {
    Object.assign(this, { predict, numAtOnce, onChange, onPause });
    this.waiting = [];
    this.running = new Map(); // photo -> AbortController
    this.pause = null; // a timer, while the queue is paused
    this.numPauses = 0; // that are over
    this.numAdded = 0;
  }

  get isEmpty() {
    return this.waiting.length + this.running.size === 0;
  }

  add(photos) {
    for (const photo of photos) this.set(photo, "waiting", { turn: (this.numAdded += 1) });
    this.waiting.push(...photos);
    this.startNext();
  }

  /** Stop these photos, or all of them; what was answered already stays. */
  stop(photos = [...this.waiting, ...this.running.keys()]) {
    const stopped = new Set(photos);
    this.waiting = this.waiting.filter((photo) => !stopped.has(photo));
    for (const photo of stopped) {
      this.running.get(photo)?.abort();
      this.running.delete(photo);
      if (photo.state === "waiting" || photo.state === "running") this.set(photo, "stopped");
    }
    if (this.isEmpty) this.resume();
    this.startNext();
  }

  /** Resume at once after a pause. */
  resume() {
    if (this.pause === null) return;
    clearTimeout(this.pause);
    this.pause = null;
    this.numPauses += 1;
    this.onPause(null);
    this.startNext();
  }

  startNext() {
    while (this.pause === null && this.waiting.length && this.running.size < this.numAtOnce) {
      this.start(this.waiting.shift());
    }
  }

  async start(photo) {
    const controller = new AbortController();
    const { numPauses } = this;
    this.running.set(photo, controller);
    this.set(photo, "running");
    try {
      const answer = await this.predict(photo, controller.signal);
      if (this.running.get(photo) === controller) this.set(photo, "answered", { answer, error: "" });
    } catch (error) {
      if (this.running.get(photo) === controller) this.fail(photo, error, numPauses);
    } finally {
      if (this.running.get(photo) === controller) this.running.delete(photo);
      this.startNext();
    }
  }

  fail(photo, error, numPauses) {
    if (wasStopped(error)) return this.set(photo, "stopped");
    if (error instanceof EngineError && TEMPORARY.includes(error.kind)) {
      const next = this.waiting.findIndex(({ turn }) => turn > photo.turn);
      this.waiting.splice(next < 0 ? this.waiting.length : next, 0, photo); // at its place in the queue
      this.set(photo, "waiting");
      // A failure of a request from before a finished pause does not start another: it is retried.
      return numPauses === this.numPauses && this.pauseFor(error);
    }
    if (!(error instanceof EngineError)) console.error(error);
    return this.set(photo, "failed", { error: error.message });
  }

  pauseFor(error) {
    if (this.pause !== null) return;
    const seconds = { busy: error.seconds, unreachable: UNREACHABLE_WAIT_SECONDS, unauthorized: 0 }[error.kind];
    // Without a key only the user can resume.
    this.pause = error.kind === "unauthorized" ? 0 : setTimeout(() => this.resume(), seconds * 1000);
    this.onPause(new EngineError(error.kind, error.message, seconds));
  }

  set(photo, state, more = {}) {
    Object.assign(photo, { state }, more);
    this.onChange(photo);
  }
}
