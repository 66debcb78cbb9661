/**
 * Create an element. Strings become text nodes: a photo's name is never parsed as HTML.
 * @param {string} kind Such as "li" or "button.main".
 * @param {object} more Properties, "aria-…" and "data-…" attributes, and `on` for listeners.
 * @param {...(Node|string)} inside Its children.
 */
export function element(kind, more = {}, ...inside) {
  const [tag, ...classes] = kind.split(".");
  const made = document.createElement(tag);
  made.classList.add(...classes);
  for (const [name, value] of Object.entries(more)) {
    if (name === "on") for (const [event, act] of Object.entries(value)) made.addEventListener(event, act);
    else if (name.includes("-") || name === "role" || name === "for") made.setAttribute(name, value);
    else made[name] = value;
  }
  made.append(...inside);
  return made;
}

export const byId = (id) => document.getElementById(id);

/** A probability as text, never as certain. */
export function percent(probability) {
  if (probability > 0.999) return "over 99.9 %";
  if (probability < 0.001) return "under 0.1 %";
  return `${(100 * probability).toFixed(1)} %`;
}

/** "1 photo", "2 photos". */
export const counted = (number, noun) => `${number.toLocaleString("en")} ${noun}${number === 1 ? "" : "s"}`;
