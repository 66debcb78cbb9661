/** Why there is no answer, as text for users. */
export class EngineError extends Error {
  /**
   * @param {"photo"|"busy"|"unreachable"|"unauthorized"|"failed"} kind "photo": this photo cannot be answered;
   *   "busy": later it can; "unreachable": no server responds; "unauthorized": a key is
   *   needed; "failed": anything else.
   * @param {string} words A plain sentence.
   * @param {number} seconds How long to wait before retrying, where that helps.
   */
  constructor(kind, words, seconds = 0) {
    super(words);
    this.kind = kind;
    this.seconds = seconds;
  }
}

/** Whether it was stopped on purpose. */
export const wasStopped = (error) => error?.name === "AbortError";
