// Photos by drag and drop, paste and file dialogs. The camera is in camera.js.

// As in data/file_types.py.
const ENDINGS = `
  apng avif avifs bmp dib gif heic heics heif heifs hif ico j2c j2k jfif jp2 jpc jpe jpeg jpf jpg
  jpx jxl mpo pbm pcx pgm pjp pjpeg png pnm ppm qoi sgi tga tif tiff webp
`.trim().split(/\s+/);

/**
 * Listen for photos.
 * @param {(photos: {file: File, path: string}[]) => void} onPhotos Receives them, in
 *   the order of their paths, which include folders if known.
 */
export function listen(onPhotos) {
  const give = (photos) => photos.length && onPhotos(photos);
  listenToPicking(give);
  listenToDrops(give);
  document.addEventListener("paste", (event) => {
    const files = [...(event.clipboardData?.files ?? [])];
    if (!files.length) return;
    event.preventDefault();
    give(files.map((file) => ({ file, path: file.name || "pasted.png" })));
  });
}

function listenToPicking(give) {
  const pairs = [["pick", "files"], ["pick-folder", "folder"]];
  for (const [button, input] of pairs) {
    const field = document.getElementById(input);
    document.getElementById(button).addEventListener("click", () => field.click());
  }
  for (const input of ["files", "folder", "shot"]) {
    const field = document.getElementById(input);
    field.addEventListener("change", () => {
      const photos = [...field.files].map((file) => ({ file, path: file.webkitRelativePath || file.name }));
      give(input === "folder" ? sorted(photos.filter(isPhoto)) : photos);
      field.value = ""; // so that the same files may be picked again
    });
  }
}

function listenToDrops(give) {
  const curtain = document.getElementById("dropping");
  let depth = 0; // an element inside another enters before the outer one is left
  const show = (isShown) => (curtain.hidden = !isShown);
  const hasFiles = (event) => event.dataTransfer?.types.includes("Files");
  addEventListener("dragenter", (event) => {
    if (hasFiles(event)) show((depth += 1) > 0);
  });
  addEventListener("dragleave", (event) => {
    if (hasFiles(event)) show((depth = Math.max(0, depth - 1)) > 0);
  });
  addEventListener("dragover", (event) => hasFiles(event) && event.preventDefault());
  addEventListener("drop", async (event) => {
    if (!hasFiles(event)) return;
    event.preventDefault();
    show((depth = 0) > 0);
    give(await dropped(event.dataTransfer));
  });
}

async function dropped(transfer) {
  // The entries first: once this function has waited, the browser has emptied the list.
  const entries = [...transfer.items].map((item) => item.webkitGetAsEntry?.()).filter(Boolean);
  if (!entries.length) return [...transfer.files].map((file) => ({ file, path: file.name }));
  const found = [];
  for (const entry of entries) await gather(entry, "", found, true);
  return found;
}

async function gather(entry, folder, found, isNamed) {
  const path = folder + entry.name;
  if (entry.isFile) {
    const file = await new Promise((done) => entry.file(done, () => done(null)));
    // A file dropped by itself is always taken, with an error if it is no photo.
    if (file && (isNamed || isPhoto({ file }))) found.push({ file, path });
    return;
  }
  const reader = entry.createReader();
  const inside = [];
  for (;;) {
    // A browser gives a folder a hundred entries at a time, and at last none.
    const some = await new Promise((done) => reader.readEntries(done, () => done([])));
    if (!some.length) break;
    inside.push(...some);
  }
  inside.sort((a, b) => (a.name < b.name ? -1 : 1));
  for (const child of inside) await gather(child, `${path}/`, found, false);
}

const isPhoto = ({ file }) =>
  !file.name.startsWith(".") && (file.type.startsWith("image/") || isPhotoName(file.name));

/** Whether a file's name is that of a photo. */
export const isPhotoName = (name) =>
  ENDINGS.some((ending) => name.toLowerCase().endsWith(`.${ending}`));

const sorted = (photos) => photos.sort((a, b) => (a.path < b.path ? -1 : 1));
