// One photo on the page: its picture, its answer, and what can be done about it.

import { element, percent } from "./elements.js";
import { drawHeat, describeHeat } from "./heat_overlay.js";
import { wantThumbnail } from "./thumbnails.js";
import { wasStopped } from "./engine_error.js";

const MOST_BARS = 3;
const MOST_LABELS = 12; // of several that a photo may have
const FRAME_SHAPE = 4 / 3; // as in page.css

/**
 * Build a photo's card.
 * @param {object} photo {file, path, state, answer, error, truth}; the card follows it
 *   whenever `showState` is called.
 * @param {string[]} classNames The model's classes.
 * @param {{heatMap, onTruth, onAgain, onRemove, thresholds}} acts What its buttons do; and of a
 *   model of several labels, the probability from which each is given.
 */
export function buildCard(photo, classNames, acts) {
  const name = photo.path.split("/").at(-1);
  const picture = element("div.picture");
  const place = element("div.frame", {}, picture);
  const shown = element("div.shown");
  const heat = element("button", { type: "button", "aria-pressed": "false", textContent: "What counted" });
  heat.setAttribute("aria-label", `Show what counted in ${name}`);
  const again = element("button", { type: "button", textContent: "Try again", on: { click: () => acts.onAgain(photo) } });
  const remove = element("button.quiet", { type: "button", textContent: "Remove", on: { click: () => acts.onRemove(photo) } });
  again.setAttribute("aria-label", `Try again: ${name}`);
  remove.setAttribute("aria-label", `Remove ${name}`);
  const truth = chooseTruth(photo, name, classNames, acts.onTruth);
  const note = element("p.note-line.soft", { role: "status" });
  const words = element(
    "div.words", {},
    element("h3", { textContent: name, title: photo.path }),
    shown, note, truth,
    element("div.tools", {}, heat, again, remove),
  );
  const card = element("li.photo", {}, place, words);
  photo.card = card;
  photo.parts = { picture, shown, heat, again, truth, note };
  photo.thresholds = acts.thresholds;
  heat.addEventListener("click", () => toggleHeat(photo, acts.heatMap));
  photo.pictured = new Promise((resolve) => {
    place.addEventListener("thumbnail", ({ detail }) => resolve(showPicture(photo, detail)));
  });
  wantThumbnail(place, photo.file);
  showState(photo);
  return card;
}

/** Bring a photo's card up to date with its state. */
export function showState(photo) {
  const { shown, heat, again, truth } = photo.parts;
  photo.card.dataset.state = photo.state;
  photo.card.classList.toggle("unsure", photo.state === "answered" && !photo.answer.is_sure);
  heat.hidden = photo.state !== "answered";
  again.hidden = photo.state !== "failed" && photo.state !== "stopped";
  truth.hidden = photo.state === "waiting" || photo.state === "running" || Boolean(photo.thresholds);
  shown.replaceChildren(...describe(photo));
}

/** Remove a card and release what it holds. */
export function dropCard(photo) {
  if (photo.url) URL.revokeObjectURL(photo.url);
  photo.heatRequest?.abort();
  photo.card.remove();
}

/** The answer in one line, for a screen reader. */
export function inWords({ path, state, answer, error, thresholds }) {
  if (state === "failed") return `${path}: no answer. ${error}`;
  if (thresholds && answer.is_sure) return `${path}: ${labelText(answer)}`;
  const share = percent(answer.probability);
  if (answer.answer === "none" && !answer.is_sure) return `${path}: none of these`;
  return answer.is_sure ? `${path}: ${answer.label}, ${share}` : `${path}: not sure, perhaps ${answer.label}, ${share}`;
}

function labelText({ labels }) {
  return labels.join(", ") || "None of the labels";
}

function describe({ state, answer, error, thresholds }) {
  if (state === "waiting") return [element("p.soft", { textContent: "Waiting" })];
  if (state === "running") return [element("p.soft.running", { textContent: "Classifying …" })];
  if (state === "stopped") return [element("p.soft", { textContent: "Stopped" })];
  if (state === "failed") {
    return [element("p.error", {}, element("strong", { textContent: "No answer. " }), `${error[0].toUpperCase()}${error.slice(1)}`)];
  }
  if (thresholds) {
    const text = answer.is_sure ? labelText(answer) : "Not sure";
    const line = element("p.answer", {}, element("strong", { textContent: text }));
    return [line, bars(answer.probabilities, MOST_LABELS, thresholds)];
  }
  if (answer.answer === "none" && !answer.is_sure) {
    const line = element("p.answer", {}, element("strong", { textContent: "None of these" }), ": unlike all training photos");
    return [line, bars(answer.probabilities)];
  }
  const line = answer.is_sure
    ? element("p.answer", {}, element("strong", { textContent: answer.label }))
    : element("p.answer", {}, element("strong", { textContent: "Not sure" }), `, perhaps ${answer.label}`);
  return [line, bars(answer.probabilities)];
}

/** The most probable classes; with thresholds, those that reach theirs are marked. */
function bars(probabilities, most = MOST_BARS, thresholds = null) {
  const top = Object.entries(probabilities).sort((a, b) => b[1] - a[1]).slice(0, most);
  return element(thresholds ? "ul.bars.labels" : "ul.bars", {}, ...top.map(([label, probability]) => {
    const isGiven = thresholds && probability >= thresholds[label];
    const fill = element("span.fill");
    fill.style.width = `${100 * probability}%`;
    return element(
      isGiven ? "li.given" : "li",
      thresholds ? { title: `given from ${percent(thresholds[label])} on` } : {},
      element("span.label", { textContent: isGiven ? `✓ ${label}` : label, title: label }),
      element("span.track", { "aria-hidden": "true" }, fill),
      element("span.share", { textContent: percent(probability) }),
    );
  }));
}

function chooseTruth(photo, name, classNames, onTruth) {
  const choice = element("select", { "aria-label": `What ${name} really shows` });
  choice.append(
    element("option", { value: "", textContent: "no label" }),
    ...classNames.map((label) => element("option", { value: label, textContent: label })),
  );
  choice.addEventListener("change", () => {
    photo.truth = choice.value;
    photo.card.classList.toggle("labelled", Boolean(photo.truth));
    onTruth(photo);
  });
  return element("label.truth", {}, "It shows ", choice);
}

function showPicture(photo, detail) {
  const { picture } = photo.parts;
  if (!detail) {
    picture.replaceChildren(element("p.soft", { textContent: "No preview of this file" }));
    return;
  }
  photo.url = detail.url;
  photo.size = { width: detail.width, height: detail.height };
  picture.style.aspectRatio = `${detail.width} / ${detail.height}`;
  picture.classList.add(detail.width / detail.height > FRAME_SHAPE ? "wide" : "tall");
  // The name is below it: read out twice it would only disturb.
  picture.replaceChildren(element("img", { src: detail.url, alt: "", decoding: "async" }));
}

async function toggleHeat(photo, heatMap) {
  const { picture, heat, note } = photo.parts;
  const overlay = picture.querySelector(".heat");
  if (overlay || photo.heatRequest) {
    photo.heatRequest?.abort();
    overlay?.remove();
    note.textContent = "";
    return heat.setAttribute("aria-pressed", "false");
  }
  heat.setAttribute("aria-pressed", "true");
  note.textContent = "Computing the heat map …";
  photo.heatRequest = new AbortController();
  try {
    await photo.pictured; // on a busy machine the picture may come after the answer
    if (!photo.size) throw new Error("This browser shows no preview of it to draw on.");
    photo.map ??= await heatMap(photo, photo.heatRequest.signal);
    picture.append(drawHeat(photo.map, photo.size));
    note.textContent = `${describeHeat(photo.map)} What glows counted.`;
  } catch (error) {
    heat.setAttribute("aria-pressed", "false");
    note.textContent = wasStopped(error) ? "" : error.message;
  } finally {
    photo.heatRequest = null;
  }
}
