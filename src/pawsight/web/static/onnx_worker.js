// The model in a worker of its own, so that the page stays quick while it runs.

import * as ort from "../runtime/ort.wasm.bundle.min.mjs";
import { fitted } from "./resampling.js";

// Of a heat map, as in heat_map.py: cells along a side, the standard deviation that a patch fades out
// with in cells, and the least probability, so that log-odds stay finite.
const GRID = 8;
const DEVIATION = 1.3;
const LEAST_PROBABILITY = 1e-12;

// More threads need headers that a plain file server does not send.
ort.env.wasm.numThreads = 1;
ort.env.wasm.wasmPaths = { wasm: new URL("../runtime/ort-wasm-simd-threaded.wasm", import.meta.url).href };

let card = null;
let session = null;
let before = Promise.resolve(); // photos run one after the other
const stopped = new Set(); // numbers of tasks that were cancelled

addEventListener("message", async ({ data }) => {
  if (data.task === "stop") return stopped.add(data.id);
  const { id } = data;
  try {
    const answer = await { open, predict, heatMap }[data.task](data);
    postMessage({ id, answer });
  } catch (error) {
    postMessage({ id, kind: error.kind ?? "failed", words: error.message });
  } finally {
    stopped.delete(id);
  }
});

async function open({ card: found, modelUrl }) {
  card = found;
  const response = await fetch(modelUrl).catch(() => null);
  if (!response?.ok) throw problem("unreachable", "The model could not be loaded from where this page is.");
  session = await ort.InferenceSession.create(new Uint8Array(await response.arrayBuffer()), {
    executionProviders: ["wasm"],
  });
}

async function predict({ id, file }) {
  const pixels = await decode(file);
  const { probs, score } = await inTurn(id, () => run(pixels));
  const best = probs.indexOf(Math.max(...probs));
  if (card.thresholds) return severalLabels(probs);
  const label = card.class_names[best];
  const answer = score > 1 ? "none" : probs[best] >= card.sure ? label : "unsure"; // as answers.py
  return {
    label,
    probability: probs[best],
    probabilities: Object.fromEntries(card.class_names.map((name, index) => [name, probs[index]])),
    answer,
    ood_score: score,
    is_sure: answer === label,
  };
}

/** Every label that reaches its threshold. */
function severalLabels(probs) {
  const isGiven = card.thresholds.map((threshold, index) => probs[index] >= threshold);
  const labels = card.class_names.filter((_, index) => isGiven[index]);
  return {
    label: labels.join(";"),
    answer: labels.join(";"),
    labels,
    probability: Math.min(...isGiven.map((given, index) => (given ? probs[index] : 1 - probs[index]))),
    probabilities: Object.fromEntries(card.class_names.map((name, index) => [name, probs[index]])),
    is_sure: true,
  };
}

/** As heat_map.py: cover each patch in turn, and measure the drop of the class's log-odds. */
async function heatMap({ id, file, label }) {
  const pixels = await decode(file);
  const [height, width] = card.image_size;
  const [rows, columns] = [windows(height), windows(width)];
  const colour = meanColour(pixels);
  const index = card.class_names.indexOf(label);
  const plain = logOdds((await inTurn(id, () => run(pixels))).probs[index]);
  const drops = [];
  for (const row of rows) {
    const line = [];
    for (const column of columns) {
      const covered = pixels.map((value, index) => {
        const place = Math.floor(index / 3);
        const opacity = row[Math.floor(place / width)] * column[place % width];
        return Math.round(value + opacity * (colour[index % 3] - value));
      });
      const { probs } = await inTurn(id, () => run(covered));
      line.push(Math.max(0, plain - logOdds(probs[index])));
    }
    drops.push(line);
  }
  const largest = Math.max(...drops.flat());
  return {
    label,
    rows: rows.length,
    columns: columns.length,
    values: drops.map((line) => line.map((drop) => (largest > 0 ? drop / largest : 0))),
    image_size: card.image_size,
    resize: card.resize,
  };
}

/** RGB pixels of the model's input. */
async function decode(file) {
  let bitmap;
  let isJpeg;
  let start;
  try {
    start = new Uint8Array(await file.slice(0, 25).arrayBuffer());
    isJpeg = start[0] === 0xff && start[1] === 0xd8 && start[2] === 0xff;
  } catch {
    throw problem("photo", "This file cannot be read any more. Was it moved or changed?");
  }
  const hasOwnScale = Object.keys(card.pixel_scale?.ranges ?? {}).length > 0;
  if (hasOwnScale && start[1] === 0x50 && start[2] === 0x4e && start[24] === 16) {
    throw problem("photo", "It has 16 bits, which a browser does not scale as this model needs it. Use pawsight predict.");
  }
  try {
    bitmap = await createImageBitmap(file); // upright, in sRGB
  } catch {
    throw problem("photo", "This browser cannot read it: it is damaged, no picture, or in a format that browsers do not read.");
  }
  try {
    return fitted(bitmap, isJpeg, card.image_size, card.resize);
  } finally {
    bitmap.close();
  }
}

/** Run something after all earlier calls; not at all if it was cancelled meanwhile. */
function inTurn(id, act) {
  const mine = before.then(() => {
    if (stopped.has(id)) throw problem("failed", "Stopped.");
    return act();
  });
  before = mine.catch(() => {});
  return mine;
}

/** The probabilities, and the distance from the training set where the model computes it, else null. */
async function run(pixels) {
  const [height, width] = card.image_size;
  const images = new ort.Tensor("float32", Float32Array.from(pixels), [1, height, width, 3]);
  const outputs = card.has_ood_score ? ["probabilities", "ood_score"] : ["probabilities"];
  const found = await session.run({ images }, outputs);
  return { probs: [...found.probabilities.data], score: found.ood_score?.data[0] ?? null };
}

function meanColour(pixels) {
  const sums = [0, 0, 0];
  pixels.forEach((value, index) => (sums[index % 3] += value));
  return sums.map((sum) => Math.round((sum * 3) / pixels.length));
}

/** The opacity of each patch along a side. */
function windows(side) {
  const number = Math.min(GRID, side);
  const places = Array.from({ length: side }, (_, index) => ((index + 0.5) * number) / side); // in cells
  return Array.from({ length: number }, (_, index) =>
    places.map((place) => Math.exp(-0.5 * ((place - index - 0.5) / DEVIATION) ** 2)),
  );
}

function logOdds(probability) {
  const inside = Math.min(1 - LEAST_PROBABILITY, Math.max(LEAST_PROBABILITY, probability));
  return Math.log(inside) - Math.log1p(-inside);
}

const problem = (kind, words) => Object.assign(new Error(words), { kind });
