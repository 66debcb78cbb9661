// The page: photos come in, go through the queue to the engine, and their answers are shown.

import { listenToCamera } from "./camera.js";
import { answerTable, labelTable, labelledFolder, save } from "./corrections.js";
import { byId, counted } from "./elements.js";
import { openEngine } from "./engine.js";
import { Gallery } from "./gallery.js";
import { listen } from "./intake.js";
import { showModelCard } from "./model_card.js";
import { Queue } from "./queue.js";
import { Trouble } from "./trouble.js";

const RETRY_SECONDS = 5;

let queue = null; // of the engine, once it is open
let gallery = null;
const early = []; // what came in before that

const engine = openUntilThere();
listen(take);
listenToCamera(take);
byId("again").addEventListener("click", () => queue?.wake());
byId("stop").addEventListener("click", () => queue.stop());
byId("clear").addEventListener("click", clear);
byId("save-folder").addEventListener("click", saveFolder);
byId("save-table").addEventListener("click", () => {
  save(labelTable(gallery.labelled()), "labels.csv");
  markSaved(gallery.labelled());
});
byId("save-answers").addEventListener("click", async () => {
  const { card } = await engine;
  save(answerTable(gallery.finished(), card.class_names), "answers.csv");
});
addEventListener("online", () => queue?.wake());
addEventListener("beforeunload", (event) => {
  // Labels exist nowhere but on this page.
  if (gallery?.labelled().some((photo) => !photo.isSaved)) event.preventDefault();
});
engine.then(start);

function start({ card, isLocal, numAtOnce, predict, heatMap }) {
  showModelCard(card, isLocal);
  gallery = new Gallery(card.class_names, {
    heatMap: (photo, signal) => heatMap(photo.file, photo.answer.label, signal),
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
  const ask = (photo, signal) => {
    if (photo.file.size > limit) {
      throw new Trouble("photo", `The file is larger than the ${Math.floor(limit / 2 ** 20)} MB that are taken.`);
    }
    return predict(photo.file, photo.path, signal);
  };
  queue = new Queue(ask, numAtOnce, (photo) => gallery.follow(photo), showPause);
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
  if (numUnsaved && !confirm(`You said what ${counted(numUnsaved, "photo")} show, and did not save that. Clear all the same?`)) return;
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

/** Tell that the queue stands still, or goes on. */
function showPause(trouble) {
  const banner = byId("banner");
  banner.hidden = !trouble;
  if (!trouble) return;
  const wait = trouble.seconds ? ` Trying again in ${Math.ceil(trouble.seconds)} s.` : "";
  const words = trouble.kind === "gone" ? " Nothing is lost: your photos wait here." : "";
  banner.querySelector("p").textContent = `${trouble.message}${words}${wait}`;
}

/** Open the engine, however long it takes until somebody answers. */
async function openUntilThere() {
  for (;;) {
    try {
      const opened = await openEngine(askKey);
      showPause(null);
      return opened;
    } catch (error) {
      const trouble = error instanceof Trouble ? error : new Trouble("failed", error.message);
      const seconds = trouble.kind === "locked" ? 0 : RETRY_SECONDS;
      showPause(new Trouble(trouble.kind, trouble.message, seconds));
      await new Promise((done) => {
        if (seconds) setTimeout(done, seconds * 1000);
        byId("again").addEventListener("click", done, { once: true });
      });
    }
  }
}

/**
 * Ask for the server's key.
 * @throws {Trouble} Nobody gave one; the button "Try again now" asks again.
 */
function askKey() {
  const dialog = byId("key");
  const field = dialog.querySelector("input");
  return new Promise((done, fail) => {
    const onClose = () => {
      const key = field.value.trim();
      field.value = "";
      if (key && dialog.returnValue === "given") done(key);
      else fail(new Trouble("locked", "This server answers only those who have its key."));
    };
    dialog.returnValue = "";
    dialog.addEventListener("close", onClose, { once: true });
    dialog.showModal();
  });
}
