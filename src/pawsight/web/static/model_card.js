// The model card, in words for users.

import { byId, counted, element } from "./elements.js";

const MOST_NAMES = 12;
const PARTS = [
  ["test", "photos kept apart to test it"],
  ["validation", "photos kept apart during training"],
];

/** Show the card of a model, as from `GET /model`. */
export function showModelCard(card, isLocal) {
  byId("starting").remove();
  byId("model-name").textContent = card.name === "builtin" ? "the model of cats and dogs that ships" : `model ${card.name}`;
  byId("privacy").textContent = isLocal
    ? "Your photos stay in this browser: nothing is sent anywhere."
    : `Photos go to ${location.host} and nowhere else, and are not kept there.`;
  const place = byId("model-card");
  place.hidden = false;
  place.querySelector("summary").textContent = `About the model: its classes are ${listed(card.class_names)}`;
  place.querySelector(".facts").replaceChildren(
    element("p", { textContent: card.thresholds ? severalLabels(card.class_names) : limit(card.class_names) }),
    element("p", { textContent: accuracy(card) }),
    element("p", {
      textContent: card.thresholds ? aboutThresholds(card) : `A percentage is how often such answers are right, on photos like those it was trained on. Below ${Math.round(100 * card.sure)} % it counts as not sure.`,
    }),
    element("dl", {}, ...facts(card).flatMap(([name, value]) => [
      element("dt", { textContent: name }), element("dd", { textContent: value }),
    ])),
  );
}

function listed(names) {
  if (names.length > MOST_NAMES) return `${names.slice(0, MOST_NAMES).join(", ")} and ${names.length - MOST_NAMES} more`;
  return `${names.slice(0, -1).join(", ")} and ${names.at(-1)}`;
}

function severalLabels(names) {
  return `A photo may have several of the labels ${listed(names)}, or none of them.`;
}

function aboutThresholds({ sure }) {
  const unsure = sure > 0 ? ` Where a decision is less certain than ${Math.round(100 * sure)} %, the photo counts as not sure.` : "";
  return `A percentage is how many photos with such a percentage have the label, among photos like those it was trained on. Each label is given from a percentage of its own on.${unsure}`;
}

function limit(names) {
  return `It was trained on ${listed(names)} only. A photo of something else may get one of these classes, too.`;
}

function accuracy({ metrics }) {
  const [part, words] = PARTS.find(([part]) => metrics?.[part]?.n) ?? [];
  if (!part) return "How often it is right was not measured: it came without photos to test it.";
  const { n, exact_match: allRight, accuracy: plain, balanced_accuracy: balanced, is_imbalanced: isUneven } = metrics[part];
  const share = (value) => `${(100 * value).toFixed(1)} %`;
  if (allRight != null) return `All labels were right on ${share(allRight)} of ${counted(n, "photo")}: ${words}.`;
  const more = isUneven && balanced != null ? `; ${share(balanced)} where each class counts the same` : "";
  return `It was right on ${share(plain)} of ${counted(n, "photo")}: ${words}${more}.`;
}

function facts({ image_size: [height, width], resize, trained, fingerprint, limits }) {
  const ways = { stretch: "stretched to", crop: "cut to", pad: "set into" };
  const rows = [["Input", `photos ${ways[resize]} ${width} × ${height} pixels`]];
  if (trained?.source) rows.push(["Trained on", trained.source]);
  if (trained?.architecture) rows.push(["Network", trained.architecture]);
  if (trained?.created) rows.push(["Created", trained.created.slice(0, 10)]);
  if (limits?.bytes) rows.push(["Accepts", `files up to ${Math.floor(limits.bytes / 2 ** 20)} MB and ${Math.round(limits.pixels / 1e6)} million pixels`]);
  rows.push(["Fingerprint", fingerprint.slice(0, 12)]);
  return rows;
}
