// The page: photos go through the queue to the engine, and their answers are shown.

import { listenToCamera } from "./camera.js";
import { answerTable, labelTable, labelledFolder, save } from "./corrections.js";
import { byId, counted } from "./elements.js";
import { openEngine } from "./engine.js";
import { Gallery } from "./gallery.js";
import { listen } from "./intake.js";
import { showModelCard } from "./model_card.js";
import { Queue } from "./queue.js";
import { EngineError } from "./engine_error.js";

const RETRY_SECONDS = 5;

let queue = null; // of the engine, once it is open
let gallery = null;
const early = []; // photos added before that

const engine = openWithRetries();
listen(take);
listenToCamera(take);
byId("again").addEventListener("click", () => queue?.resume());
byId("stop").addEventListener("click", () => queue.stop());
byId("clear").addEventListener("click", clear);
byId("save-folder").addEventListener("click", saveFolder);
byId("save-table").addEventListener("click", () => {
  save(labelTable(gallery.labelled()), "corrections.csv");
  markSaved(gallery.labelled());
});
byId("save-answers").addEventListener("click", async () => {
  const { card } = await engine;
  save(answerTable(gallery.finished(), card.class_names), "answers.csv");
});
addEventListener("online", () => queue?.resume());
addEventListener("beforeunload", (event) => {
  // Labels exist nowhere but on this page.
  if (gallery?.labelled().some((photo) => !photo.isSaved)) event.preventDefault();
});
engine.then(start);

/** The class with the highest probability. */
function mostProbable({ probabilities }) {
  return Object.entries(probabilities).reduce((best, one) => (one[1] > best[1] ? one : best))[0];
}

function start({ card, isLocal, numAtOnce, predict, heatMap }) {
  showModelCard(card, isLocal);
  gallery = new Gallery(card.class_names, {
    thresholds: card.thresholds && Object.fromEntries(card.class_names.map((name, index) => [name, card.thresholds[index]])),
    heatMap: (photo, signal) => heatMap(photo.file, mostProbable(photo.answer), signal),
    onTruth: (photo) => {
      photo.isSaved = false;
      gallery.draw();
    },
    onAgain: (photo) => {
      delete photo.error;
      queue.add([photo]);
    },
    onRemove: (photo) => {
      const next = photo.card.nextElementSibling ?? photo.card.previousElementSibling;
      queue.stop([photo]);
      gallery.remove([photo]);
      (next?.querySelector(".tools .quiet") ?? byId("pick")).focus();
    },
  });
  const limit = card.limits?.bytes ?? Infinity;
  const predictWithinLimit = (photo, signal) => {
    if (photo.file.size > limit) {
      throw new EngineError("photo", `The file is larger than the ${Math.floor(limit / 2 ** 20)} MB that are accepted.`);
    }
    return predict(photo.file, photo.path, signal);
  };
  queue = new Queue(predictWithinLimit, numAtOnce, (photo) => gallery.follow(photo), showPause);
  take(early.splice(0));
}

function take(photos) {
  if (!photos.length) return;
  if (!queue) {
    early.push(...photos);
    byId("live").textContent = `${counted(early.length, "photo")} waiting for the model.`;
    return;
  }
  gallery.add(photos);
  queue.add(photos);
}

function clear() {
  const numUnsaved = gallery.labelled().filter((photo) => !photo.isSaved).length;
  if (numUnsaved && !confirm(`Your labels of ${counted(numUnsaved, "photo")} are not saved. Clear all the same?`)) return;
  queue.stop();
  gallery.remove([...gallery.photos]);
  byId("live").textContent = "All photos were cleared from the page.";
  byId("pick").focus();
}

async function saveFolder() {
  const photos = gallery.labelled();
  try {
    save(await labelledFolder(photos), "labelled.zip");
    markSaved(photos);
  } catch (error) {
    const isTooMuch = error instanceof RangeError;
    byId("corrected").textContent = isTooMuch ? error.message : "A photo could not be read any more. Was it moved or changed? Remove it here, and save again.";
  }
}

function markSaved(photos) {
  for (const photo of photos) photo.isSaved = true;
}

/** Show why the queue is paused; null hides the banner. */
function showPause(error) {
  const banner = byId("banner");
  banner.hidden = !error;
  if (!error) return;
  const wait = error.seconds ? ` Trying again in ${Math.ceil(error.seconds)} s.` : "";
  const words = error.kind === "unreachable" ? " Nothing is lost: your photos wait here." : "";
  banner.querySelector("p").textContent = `${error.message}${words}${wait}`;
}

/** Open the engine, retrying until it responds. */
async function openWithRetries() {
  for (;;) {
    try {
      const opened = await openEngine(promptKey);
      showPause(null);
      return opened;
    } catch (reason) {
      const error = reason instanceof EngineError ? reason : new EngineError("failed", reason.message);
      const seconds = error.kind === "unauthorized" ? 0 : RETRY_SECONDS;
      showPause(new EngineError(error.kind, error.message, seconds));
      await new Promise((done) => {
        if (seconds) setTimeout(done, seconds * 1000);
        byId("again").addEventListener("click", done, { once: true });
      });
    }
  }
}

/**
 * Prompt for the server's key.
 * @throws {EngineError} None was entered; the button "Try again now" prompts again.
 */
function promptKey() {
  const dialog = byId("key");
  const field = dialog.querySelector("input");
  return new Promise((done, fail) => {
    const onClose = () => {
      const key = field.value.trim();
      field.value = "";
      if (key && dialog.returnValue === "given") done(key);
      else fail(new EngineError("unauthorized", "This server answers only those who have its key."));
    };
    dialog.returnValue = "";
    dialog.addEventListener("close", onClose, { once: true });
    dialog.showModal();
  });
}
