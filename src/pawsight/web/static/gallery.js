// All photos on the page: their cards, how many of each kind, and which are shown.

import { byId, counted, element } from "./elements.js";
import { buildCard, dropCard, inWords, showState } from "./photo_card.js";

const MOST_READ_OUT = 5; // more answers at once are announced to a screen reader as a count
const MOST_FILTERS = 12; // for classes

export class Gallery {
  /**
   * @param {string[]} classNames The model's classes.
   * @param {object} acts As for `buildCard`.
   */
  constructor(classNames, acts) {
    Object.assign(this, { classNames, acts });
    this.photos = [];
    this.filter = "";
    this.isDue = false;
    this.toAnnounce = [];
  }

  /** Put photos on the page, in the state "waiting". */
  add(photos) {
    const cards = photos.map((photo) => {
      photo.state = "waiting";
      return buildCard(photo, this.classNames, this.acts);
    });
    this.photos.push(...photos);
    byId("photos").append(...cards);
    this.update();
  }

  remove(photos) {
    const gone = new Set(photos);
    this.photos = this.photos.filter((photo) => !gone.has(photo));
    for (const photo of gone) dropCard(photo);
    this.update();
  }

  /** Follow a photo whose state has changed. */
  follow(photo) {
    showState(photo);
    if (photo.state === "answered" || photo.state === "failed") this.toAnnounce.push(photo);
    this.update();
  }

  show(filter) {
    this.filter = filter;
    this.draw();
  }

  /** Bring counts and filters up to date, once for all that changes before the next frame. */
  update() {
    if (this.isDue) return;
    this.isDue = true;
    setTimeout(() => {
      this.isDue = false;
      this.draw();
    }, 50);
  }

  draw() {
    const counts = new Map();
    for (const kind of this.photos.flatMap(kindsOf)) counts.set(kind, (counts.get(kind) ?? 0) + 1);
    const numPending = counts.get("pending") ?? 0;
    const numDone = this.photos.length - numPending;
    if (this.filter && !counts.has(this.filter)) this.filter = "";
    byId("results").hidden = !this.photos.length;
    byId("count").textContent = numPending ? `${numDone} of ${this.photos.length}` : counted(this.photos.length, "photo");
    Object.assign(byId("progress"), { max: this.photos.length || 1, value: numDone, hidden: !numPending });
    byId("stop").hidden = !numPending;
    this.drawFilters(counts);
    let numShown = 0;
    for (const photo of this.photos) {
      photo.card.hidden = Boolean(this.filter) && !kindsOf(photo).includes(this.filter);
      numShown += photo.card.hidden ? 0 : 1;
    }
    byId("none-shown").hidden = numShown > 0 || !this.photos.length;
    this.drawKeeping();
    this.announce(numDone, numPending);
  }

  drawFilters(counts) {
    const classes = this.classNames.map((name) => [`class ${name}`, name]).filter(([kind]) => counts.has(kind));
    const others = [["unsure", "not sure"], ["none", "none of these"], ["failed", "no answer"], ["stopped", "stopped"]];
    const kinds = [...classes.slice(0, MOST_FILTERS), ...others.filter(([kind]) => counts.has(kind))];
    const choices = [["", "all", this.photos.length], ...kinds.map(([kind, words]) => [kind, words, counts.get(kind)])];
    const group = byId("filters");
    group.hidden = choices.length < 3;
    // The buttons are kept while their kinds are the same, so that one of them keeps the focus.
    const key = choices.map(([kind]) => kind).join("\n");
    if (group.dataset.kinds !== key) {
      group.dataset.kinds = key;
      group.replaceChildren(...choices.map(([kind]) =>
        element("button", { type: "button", on: { click: () => this.show(kind) } })));
    }
    choices.forEach(([kind, words, count], index) => {
      group.children[index].textContent = `${words} ${count}`;
      group.children[index].setAttribute("aria-pressed", String(kind === this.filter));
    });
  }

  drawKeeping() {
    if (this.acts.thresholds) {
      byId("corrected").textContent = "Every label with its probability, as a table.";
      for (const id of ["save-folder", "save-table"]) byId(id).hidden = true;
      byId("save-answers").disabled = !this.finished().length;
      return;
    }
    const numLabelled = this.labelled().length;
    const numWrong = this.labelled().filter(({ answer, truth }) => answer && answer.label !== truth).length;
    byId("corrected").textContent = numLabelled
      ? `You labelled ${counted(numLabelled, "photo")}; the model had ${numWrong} of them wrong.`
      : "Label photos whose answer is wrong, or right and worth keeping. Saved as a folder, they are ready to train on; the table corrects the labels of photos that you have.";
    for (const id of ["save-folder", "save-table"]) byId(id).disabled = !numLabelled;
    byId("save-answers").disabled = !this.finished().length;
  }

  announce(numDone, numPending) {
    const announced = this.toAnnounce.splice(0);
    if (!announced.length) return;
    const isMany = announced.length > MOST_READ_OUT || numPending > MOST_READ_OUT;
    if (isMany && numPending && numDone % 25) return;
    byId("live").textContent = isMany ? `${numDone} of ${this.photos.length} photos answered.` : announced.map(inWords).join(". ");
  }

  labelled() {
    return this.photos.filter((photo) => photo.truth);
  }

  finished() {
    return this.photos.filter(({ state }) => state === "answered" || state === "failed");
  }
}

/** What a photo counts as: "pending", "failed", "stopped", "unsure", "none"; or each "class NAME". */
function kindsOf({ state, answer, thresholds }) {
  if (state === "waiting" || state === "running") return ["pending"];
  if (state !== "answered") return [state];
  if (thresholds && answer.is_sure) return answer.labels.length ? answer.labels.map((name) => `class ${name}`) : ["none"];
  if (answer.is_sure) return [`class ${answer.label}`];
  return [answer.answer === "none" ? "none" : "unsure"];
}
