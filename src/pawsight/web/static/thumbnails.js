// Small pictures of the photos, made when they come into sight, so that a page of a
// thousand photos holds a thousand small pictures and no large one.

const LONGEST_SIDE = 480; // pixels: twice what a card shows, for fine screens
const NUM_AT_ONCE = 2;

const wanted = [];
let numUnderWay = 0;
const watcher = new IntersectionObserver(
  (entries) => {
    for (const entry of entries.filter((entry) => entry.isIntersecting)) {
      watcher.unobserve(entry.target);
      wanted.push(entry.target);
    }
    startNext();
  },
  { rootMargin: "600px" },
);

/**
 * Draw the thumbnail of an element as soon as it comes near the screen.
 * @param {HTMLElement} place Receives the event "thumbnail", with `detail`
 *   {url, width, height}: the small picture and the photo's full size in pixels;
 *   `detail` is null when the browser does not read such files.
 * @param {File} file The photo.
 */
export function wantThumbnail(place, file) {
  place.photoFile = file;
  watcher.observe(place);
}

async function startNext() {
  while (numUnderWay < NUM_AT_ONCE && wanted.length) {
    const place = wanted.shift();
    if (!place.isConnected) continue;
    numUnderWay += 1;
    draw(place.photoFile)
      .catch(() => null)
      .then((detail) => {
        numUnderWay -= 1;
        if (place.isConnected) place.dispatchEvent(new CustomEvent("thumbnail", { detail }));
        else if (detail) URL.revokeObjectURL(detail.url);
        startNext();
      });
  }
}

async function draw(file) {
  const bitmap = await createImageBitmap(file);
  const { width, height } = bitmap;
  const scale = Math.min(1, LONGEST_SIDE / Math.max(width, height));
  const canvas = document.createElement("canvas");
  canvas.width = Math.max(1, Math.round(width * scale));
  canvas.height = Math.max(1, Math.round(height * scale));
  const context = canvas.getContext("2d");
  context.fillStyle = "#fff"; // as transparent pixels are in the model's input
  context.fillRect(0, 0, canvas.width, canvas.height);
  context.imageSmoothingQuality = "high";
  context.drawImage(bitmap, 0, 0, canvas.width, canvas.height);
  bitmap.close();
  const blob = await new Promise((done) => canvas.toBlob(done, "image/jpeg", 0.85));
  return { url: URL.createObjectURL(blob), width, height };
}
