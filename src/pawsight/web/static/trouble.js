/** Why there is no answer, in words for a person. */
export class Trouble extends Error {
  /**
   * @param {"photo"|"busy"|"gone"|"locked"|"failed"} kind "photo": this photo cannot be answered;
   *   "busy": later it can; "gone": nobody is there to answer; "locked": a key is
   *   needed; "failed": anything else.
   * @param {string} words A plain sentence.
   * @param {number} seconds How long to wait before asking again, where that helps.
   */
  constructor(kind, words, seconds = 0) {
    super(words);
    this.kind = kind;
    this.seconds = seconds;
  }
}

/** Whether somebody stopped it on purpose. */
export const wasStopped = (error) => error?.name === "AbortError";
