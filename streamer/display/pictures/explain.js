"use strict";
// The sound moves a cursor over the rows. A click on a row, a time in the table, or a key moves the sound.
const root = document.documentElement;
const sound = document.querySelector("audio");
const rows = [...document.querySelectorAll(".row")];
const turns = [...document.querySelectorAll("tr[data-start]")];

document.getElementById("theme").addEventListener("click", () => {
  const system = matchMedia("(prefers-color-scheme: dark)").matches ? "dark" : "light";
  root.dataset.theme = (root.dataset.theme || system) === "dark" ? "light" : "dark";
});

if (sound) {
  const begin = Number(sound.dataset.begin); // where the sound begins on the session's clock
  const play = document.getElementById("play");
  const time = document.getElementById("time");
  const cursor = document.createElement("div");
  cursor.className = "cursor";
  root.classList.add("playable");
  let shown = null;

  const now = () => begin + sound.currentTime;
  const seek = (seconds) => {
    const last = Number.isFinite(sound.duration) ? sound.duration : Infinity;
    sound.currentTime = Math.max(0, Math.min(last, seconds - begin));
    show();
  };
  const toggle = () => (sound.paused ? sound.play() : sound.pause());
  const clock = (seconds) => {
    const tenths = Math.round(seconds * 10);
    const minutes = String(Math.floor(tenths / 600)).padStart(2, "0");
    return `${minutes}:${((tenths % 600) / 10).toFixed(1).padStart(4, "0")}`;
  };

  function show() {
    const at = now();
    time.textContent = clock(at);
    const row = rows.find((one) => at < Number(one.dataset.end)) || rows[rows.length - 1];
    const { start, end, left, right } = row.dataset;
    const share = Math.min(1, Math.max(0, (at - start) / (end - start)));
    cursor.style.left = `${100 * (Number(left) + share * (right - left))}%`;
    if (row !== shown) {
      row.append(cursor);
      if (shown && !sound.paused) row.scrollIntoView({ block: "nearest" });
      shown = row;
    }
    for (const turn of turns) {
      const inside = Number(turn.dataset.start) <= at && at < Number(turn.dataset.end);
      inside ? turn.setAttribute("aria-current", "true") : turn.removeAttribute("aria-current");
    }
  }

  function tick() {
    show();
    if (!sound.paused) requestAnimationFrame(tick);
  }

  for (const name of ["seeked", "loadedmetadata", "ended"]) sound.addEventListener(name, show);
  sound.addEventListener("play", () => { play.textContent = "Pause"; tick(); });
  sound.addEventListener("pause", () => { play.textContent = "Play"; show(); });
  sound.addEventListener("error", () => { time.textContent = "this browser cannot play the sound (FLAC)"; });
  play.addEventListener("click", toggle);

  for (const row of rows) {
    row.addEventListener("click", (event) => {
      const box = row.getBoundingClientRect();
      const { start, end, left, right } = row.dataset;
      const share = ((event.clientX - box.left) / box.width - left) / (right - left);
      if (share >= 0 && share <= 1) seek(Number(start) + share * (end - start));
    });
  }
  for (const button of document.querySelectorAll("td button")) {
    button.addEventListener("click", () => seek(Number(button.closest("tr").dataset.start)));
  }

  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const steps = { ArrowLeft: -1, ArrowRight: 1 };
    if (event.key === " " && !(event.target instanceof HTMLButtonElement)) toggle();
    else if (event.key in steps) seek(now() + steps[event.key] * (event.shiftKey ? 10 : 1));
    else if (event.key === "0") seek(begin);
    else return;
    event.preventDefault();
  });
  show();
}
