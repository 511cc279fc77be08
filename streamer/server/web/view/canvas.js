// What all pictures share: a canvas in the pixels of the screen, and the colours of the theme.

/** Fit a canvas to its box; its context in CSS pixels, with its width and height. Null while it is hidden. */
export function prepare(canvas) {
  const { clientWidth: width, clientHeight: height } = canvas;
  if (!width || !height) return null;
  const ratio = window.devicePixelRatio || 1;
  const [w, h] = [Math.round(width * ratio), Math.round(height * ratio)];
  if (canvas.width !== w || canvas.height !== h) [canvas.width, canvas.height] = [w, h];
  const context = canvas.getContext("2d");
  context.setTransform(ratio, 0, 0, ratio, 0, 0);
  context.clearRect(0, 0, width, height);
  return { context, width, height };
}

let theme = null;

/** The colours of the style sheet; they change with the person's preference for light or dark. */
export function colours() {
  if (theme === null) {
    const dark = matchMedia("(prefers-color-scheme: dark)");
    dark.addEventListener("change", () => (theme = null), { once: true });
    const style = getComputedStyle(document.documentElement);
    const read = (name) => style.getPropertyValue(`--${name}`).trim();
    theme = { ink: read("ink"), soft: read("soft"), line: read("line"), faint: read("faint"), card: read("card") };
  }
  return theme;
}

/** A font of the page's family. */
export function font(size, weight = 400) {
  return `${weight} ${size}px system-ui, sans-serif`;
}

/** A rectangle with round upper corners, filled in the context's colour. */
export function pillar(context, x, y, width, height, radius) {
  const r = Math.min(radius, width / 2, height);
  context.beginPath();
  context.roundRect(x, y, width, height, [r, r, 0, 0]);
  context.fill();
}
