// Heat maps, drawn over the photo.

import { element } from "./elements.js";

// Red, green, blue, opacity: parts that do not count are dark, those that do glow, so that both
// are visible on light and on dark photos.
const COLD = [6, 10, 40, 0.78];
const HOT = [255, 140, 0, 0.42];

/**
 * Draw a heat map.
 * @param {object} map The result of `heatMap` of an engine.
 * @param {{width: number, height: number}} photo The photo's size in pixels.
 * @returns {HTMLCanvasElement} To be placed in the box of the photo, which clips it.
 */
export function drawHeat(map, photo) {
  const canvas = element("canvas.heat", {
    width: map.columns,
    height: map.rows,
    role: "img",
    "aria-label": describeHeat(map),
  });
  const context = canvas.getContext("2d");
  const image = context.createImageData(map.columns, map.rows);
  map.values.flat().forEach((value, index) => {
    const mixed = COLD.map((cold, channel) => cold + (HOT[channel] - cold) * value);
    image.data.set([...mixed.slice(0, 3), 255 * mixed[3]], 4 * index);
  });
  context.putImageData(image, 0, 0);
  const { left, top, width, height } = seenPart(map, photo);
  for (const [side, share] of Object.entries({ left, top, width, height })) {
    canvas.style[side] = `${100 * share}%`;
  }
  return canvas;
}

/** The rectangle that is the model's input, as fractions of the photo: larger than it with "pad". */
export function seenPart({ image_size: [height, width], resize }, photo) {
  if (resize === "stretch") return { left: 0, top: 0, width: 1, height: 1 };
  const choose = resize === "crop" ? Math.max : Math.min;
  const scale = choose(width / photo.width, height / photo.height);
  const seen = { width: width / scale / photo.width, height: height / scale / photo.height };
  return { left: (1 - seen.width) / 2, top: (1 - seen.height) / 2, ...seen };
}

/** Where the map is hottest, in words. */
export function describeHeat({ label, values, rows, columns }) {
  const all = values.flat();
  const hottest = Math.max(...all);
  if (hottest <= 0) return `No single part of the photo speaks for ${label}.`;
  const index = all.indexOf(hottest);
  const down = ["top", "middle", "bottom"][Math.floor((3 * (Math.floor(index / columns) + 0.5)) / rows)];
  const across = ["left", "centre", "right"][Math.floor((3 * ((index % columns) + 0.5)) / columns)];
  const where = down === "middle" && across === "centre" ? "centre" : `${down} ${across}`;
  return `The ${where} of the photo speaks most for ${label}.`;
}
