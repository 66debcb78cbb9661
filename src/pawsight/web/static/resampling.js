// A photo brought to the model's size as pawsight's own decoder does it, so that the browser
// gives the answers that Python gives. A browser's own scaling is another one, and leaves
// pixels out. This follows Pillow: whole-number averages first, then a triangle filter in
// fixed point. Source: libImaging/Reduce.c and Resample.c, and `_fit` in decode.py.
//
// Pixels here are {width, height, data}, data being RGB as Uint8Array.

const STRIP_PIXELS = 2 ** 22; // of the photo that are read at a time
const PAD_GREY = 128;
const LEAST_SIDE = 64; // facts.SIDE: what the decoder decodes at least
const BITS = 22; // of the fixed point
const GAP = 2; // resize's reducing_gap

/**
 * Resize a photo to the model's input.
 * @param {ImageBitmap} bitmap The photo in full, upright.
 * @param {boolean} isJpeg Whether it comes from a JPEG, which is decoded at 1/2, 1/4 or 1/8.
 * @param {[number, number]} imageSize (height, width) in pixels.
 * @param {"stretch"|"crop"|"pad"} resize As in model.json.
 * @returns {Uint8Array} RGB, height * width * 3.
 */
export function fitted(bitmap, isJpeg, [height, width], resize) {
  const pixels = read(bitmap, isJpeg, leastSize(bitmap, [height, width], resize));
  const inner = { width, height };
  if (resize === "stretch") return shrink(pixels, inner, whole(pixels)).data;
  const choose = resize === "crop" ? Math.max : Math.min;
  const scale = choose(width / pixels.width, height / pixels.height);
  if (resize === "crop") {
    const left = Math.max(0, (pixels.width - width / scale) / 2);
    const top = Math.max(0, (pixels.height - height / scale) / 2);
    return shrink(pixels, inner, { left, top, right: pixels.width - left, bottom: pixels.height - top }).data;
  }
  inner.width = Math.max(1, roundHalfEven(pixels.width * scale));
  inner.height = Math.max(1, roundHalfEven(pixels.height * scale));
  return padded(shrink(pixels, inner, whole(pixels)), width, height);
}

/** The least (width, height) that serves: the decoder's `_least`. */
function leastSize(photo, [height, width], resize) {
  if (resize === "pad") {
    const scale = Math.min(width / photo.width, height / photo.height);
    [width, height] = [Math.floor(photo.width * scale), Math.floor(photo.height * scale)];
  }
  return { width: Math.max(width, LEAST_SIDE), height: Math.max(height, LEAST_SIDE) };
}

/** Read a bitmap's pixels on white, averaged as far as the decoder does before it resizes. */
function read(bitmap, isJpeg, least) {
  const times = timesLarger(bitmap, least);
  if (!isJpeg) return readAveraged(bitmap, Math.max(1, Math.floor(times / 2)));
  const pixels = readAveraged(bitmap, [8, 4, 2, 1].find((factor) => times >= factor) ?? 1);
  const factor = Math.floor(timesLarger(pixels, least) / 2);
  return factor > 1 ? reduce(pixels, factor, factor) : pixels;
}

const timesLarger = (size, least) =>
  Math.min(Math.floor(size.width / least.width), Math.floor(size.height / least.height));

/** Read strip by strip: a large photo is never in memory in full beside the bitmap. */
function readAveraged(bitmap, factor) {
  const { width, height } = bitmap;
  const made = blank(Math.ceil(width / factor), Math.ceil(height / factor));
  const numRows = Math.max(1, Math.floor(STRIP_PIXELS / width / factor)) * factor;
  const canvas = new OffscreenCanvas(width, Math.min(numRows, height));
  const context = canvas.getContext("2d", { willReadFrequently: true });
  context.fillStyle = "#fff";
  for (let top = 0; top < height; top += numRows) {
    const rows = Math.min(numRows, height - top);
    context.fillRect(0, 0, width, rows);
    context.drawImage(bitmap, 0, top, width, rows, 0, 0, width, rows);
    const strip = withoutAlpha(context.getImageData(0, 0, width, rows));
    made.data.set(reduce(strip, factor, factor).data, (top / factor) * made.width * 3);
  }
  return made;
}

function withoutAlpha({ width, height, data }) {
  const made = blank(width, height);
  for (let from = 0, to = 0; from < data.length; from += 4, to += 3) {
    made.data[to] = data[from];
    made.data[to + 1] = data[from + 1];
    made.data[to + 2] = data[from + 2];
  }
  return made;
}

/** Average blocks; those at the right and bottom edge may be smaller. */
function reduce(pixels, across, down) {
  if (across === 1 && down === 1) return pixels;
  const made = blank(Math.ceil(pixels.width / across), Math.ceil(pixels.height / down));
  for (let row = 0; row < made.height; row += 1) {
    const bottom = Math.min((row + 1) * down, pixels.height);
    for (let column = 0; column < made.width; column += 1) {
      const right = Math.min((column + 1) * across, pixels.width);
      const sums = [0, 0, 0];
      for (let y = row * down; y < bottom; y += 1) {
        for (let x = column * across; x < right; x += 1) {
          const at = (y * pixels.width + x) * 3;
          for (let channel = 0; channel < 3; channel += 1) sums[channel] += pixels.data[at + channel];
        }
      }
      const count = (bottom - row * down) * (right - column * across);
      const to = (row * made.width + column) * 3;
      for (let channel = 0; channel < 3; channel += 1) made.data[to + channel] = Math.floor(sums[channel] / count + 0.5);
    }
  }
  return made;
}

/** Pillow's `resize` with the bilinear filter. */
function shrink(pixels, size, box) {
  if (pixels.width === size.width && pixels.height === size.height) return pixels;
  const across = Math.max(1, Math.floor((box.right - box.left) / size.width / GAP));
  const down = Math.max(1, Math.floor((box.bottom - box.top) / size.height / GAP));
  if (across > 1 || down > 1) {
    // Averaged from the photo's corner: Pillow begins a fraction of a pixel of the result later.
    pixels = reduce(pixels, across, down);
    box = { left: box.left / across, right: box.right / across, top: box.top / down, bottom: box.bottom / down };
  }
  const rows = filters(pixels.height, box.top, box.bottom, size.height);
  const columns = filters(pixels.width, box.left, box.right, size.width);
  return { ...size, data: filterDown(filterAcross(pixels, columns), size.width * 3, rows) };
}

/** For each pixel of the result: the first it is made of, and the weight of each. */
function filters(size, start, end, numOut) {
  const scale = (end - start) / numOut;
  const support = Math.max(scale, 1);
  return Array.from({ length: numOut }, (_, index) => {
    const centre = start + (index + 0.5) * scale;
    const first = Math.max(0, Math.trunc(centre - support + 0.5));
    const last = Math.min(size, Math.trunc(centre + support + 0.5));
    const weights = Array.from({ length: last - first }, (_, k) =>
      Math.max(0, 1 - Math.abs((k + first - centre + 0.5) / support)));
    const sum = weights.reduce((a, b) => a + b, 0);
    return { first, weights: weights.map((weight) => Math.floor((weight / sum) * 2 ** BITS + 0.5)) };
  });
}

function filterAcross({ width, height, data }, columns) {
  const made = new Uint8Array(height * columns.length * 3);
  let to = 0;
  for (let row = 0; row < height; row += 1) {
    for (const { first, weights } of columns) {
      for (let channel = 0; channel < 3; channel += 1, to += 1) {
        made[to] = weighed(data, (row * width + first) * 3 + channel, 3, weights);
      }
    }
  }
  return made;
}

function filterDown(data, step, rows) {
  const made = new Uint8Array(rows.length * step);
  rows.forEach(({ first, weights }, row) => {
    for (let at = 0; at < step; at += 1) made[row * step + at] = weighed(data, first * step + at, step, weights);
  });
  return made;
}

function weighed(data, from, step, weights) {
  let sum = 2 ** (BITS - 1);
  for (let k = 0; k < weights.length; k += 1) sum += data[from + k * step] * weights[k];
  return Math.min(255, sum >> BITS);
}

function padded(pixels, width, height) {
  const made = new Uint8Array(width * height * 3).fill(PAD_GREY);
  const left = Math.floor((width - pixels.width) / 2);
  const top = Math.floor((height - pixels.height) / 2);
  for (let row = 0; row < pixels.height; row += 1) {
    const from = row * pixels.width * 3;
    made.set(pixels.data.subarray(from, from + pixels.width * 3), ((top + row) * width + left) * 3);
  }
  return made;
}

const blank = (width, height) => ({ width, height, data: new Uint8Array(width * height * 3) });
const whole = ({ width, height }) => ({ left: 0, top: 0, right: width, bottom: height });

/** As Python rounds: a half goes to the even neighbour. */
function roundHalfEven(value) {
  const below = Math.floor(value);
  if (value - below !== 0.5) return Math.round(value);
  return below % 2 === 0 ? below : below + 1;
}
