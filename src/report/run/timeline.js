"use strict";
const run = JSON.parse(document.getElementById("data").textContent);
const [TASK, ADDRESS, LABEL, STATE, REASON, EXECUTOR, VISITS, TRIES, SECONDS, PICTURE, FILES, VALUES, CRITICAL] =
  Array.from({ length: 13 }, (_, n) => n);
const spoken = (name) => name.replaceAll("_", " ");
const time = (seconds) => {
  if (seconds < 0.0995) return `${Math.round(seconds * 1000)} ms`;
  if (seconds < 9.95) return `${+seconds.toFixed(1)} s`;
  const whole = Math.round(seconds);
  if (whole < 60) return `${whole} s`;
  const two = (large, unit, small, smallUnit) => (small ? `${large} ${unit} ${small} ${smallUnit}` : `${large} ${unit}`);
  if (whole < 3600) return two(Math.floor(whole / 60), "min", whole % 60, "s");
  if (whole < 86400) return two(Math.floor(whole / 3600), "h", Math.floor(whole / 60) % 60, "min");
  return two(Math.floor(whole / 86400), "d", Math.floor(whole / 3600) % 24, "h");
};
const place = (name) => (name === "native" ? "this computer" : name === "comfy" ? "the servers" : `server ${name}`);
const colour = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();
// Hues that stay apart for people who see colours differently, and in light and dark.
const HUES = [212, 32, 160, 280, 340, 95, 188, 52, 255, 10, 130, 310];
const taskColour = (task, dark) => `hsl(${HUES[task % HUES.length]} ${task < HUES.length ? 62 : 34}% ${dark ? 58 : 52}%)`;
const isDark = matchMedia("(prefers-color-scheme: dark)");

(() => {
  const canvas = document.getElementById("chart");
  if (!canvas) return;
  const [ITEM, EXEC, LANE, SUBMITTED, START, END, KIND, SWAP] = Array.from({ length: 8 }, (_, n) => n);
  const KINDS = ["", "failed", "given up", "still runs"];
  const LANE_HEIGHT = 18, HEAD = 22, AXIS = 24, SIDE = 8;
  const context = canvas.getContext("2d");
  const tip = document.getElementById("tip");
  const told = document.getElementById("told");
  const whole = Math.max(run.seconds, 0.001);
  let from = 0, to = whole, chosen = -1, hovered = -1, only = null;

  // Rows: a heading for each executor, then its lanes.
  const rows = [];
  let height = AXIS;
  for (const [number, [name, lanes]] of run.executors.entries()) {
    rows[number] = { name, top: height };
    height += HEAD + lanes * LANE_HEIGHT + 6;
  }
  const laneTop = (bar) => rows[bar[EXEC]].top + HEAD + bar[LANE] * LANE_HEIGHT;
  const width = () => canvas.clientWidth;
  const x = (seconds) => SIDE + ((seconds - from) / (to - from)) * (width() - 2 * SIDE);
  const seconds = (left) => from + ((left - SIDE) / (width() - 2 * SIDE)) * (to - from);

  const legend = document.getElementById("legend");
  const shown = [...new Set(run.bars.map((bar) => run.items[bar[ITEM]][TASK]))].sort((a, b) => a - b);
  for (const task of shown) {
    const button = document.createElement("button");
    button.type = "button";
    button.setAttribute("aria-pressed", "false");
    const patch = document.createElement("i");
    button.append(patch, run.tasks[task] ?? "?");
    button.addEventListener("click", () => {
      only = only === task ? null : task;
      for (const other of legend.children) other.setAttribute("aria-pressed", String(other === button && only !== null));
      draw();
    });
    legend.append(button);
  }

  const tickText = (at, step) => {
    if (at === 0) return "0";
    if (step < 1 && to < 60) return step < 0.1 && to < 1 ? `${Math.round(at * 1000)} ms` : `${at.toFixed(step < 0.01 ? 3 : step < 0.1 ? 2 : 1)} s`;
    return time(Math.round(at * 1000) / 1000);
  };

  const ticks = () => {
    const least = ((to - from) * 90) / Math.max(width(), 1);
    const steps = [0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 14400, 43200, 86400];
    const step = steps.find((candidate) => candidate >= least) ?? Math.ceil(least / 86400) * 86400;
    const found = [];
    for (let n = Math.ceil(from / step); n * step <= to; n += 1) found.push([n * step, tickText(n * step, step)]);
    return found;
  };

  const drawBar = (bar, palette, dark) => {
    const left = x(bar[START]), right = Math.max(x(bar[END]), left + 1), top = laneTop(bar) + 2, tall = LANE_HEIGHT - 4;
    if (right < 0 || x(bar[SUBMITTED]) > width()) return;
    const item = run.items[bar[ITEM]];
    context.globalAlpha = only === null || only === item[TASK] ? 1 : 0.15;
    const fill = taskColour(item[TASK] ?? 0, dark);
    if (bar[START] - bar[SUBMITTED] > 0.001) {
      context.fillStyle = palette.line;
      context.fillRect(x(bar[SUBMITTED]), top + tall / 2 - 1, left - x(bar[SUBMITTED]), 2);
    }
    context.fillStyle = fill;
    context.fillRect(left, top, right - left, tall);
    if (bar[SWAP]) {
      // A change of models: the first part of the bar, striped.
      const end = Math.min(right, x(bar[START] + bar[SWAP]));
      context.save();
      context.beginPath();
      context.rect(left, top, end - left, tall);
      context.clip();
      context.strokeStyle = palette.ground;
      context.lineWidth = 2;
      context.beginPath();
      for (let at = left - tall; at < end; at += 6) { context.moveTo(at, top + tall); context.lineTo(at + tall, top); }
      context.stroke();
      context.restore();
    }
    if (bar[KIND] === 1) { context.fillStyle = palette.bad; context.fillRect(left, top + tall - 4, right - left, 4); }
    if (bar[KIND] === 2) { context.fillStyle = palette.warn; context.fillRect(left, top + tall - 4, right - left, 4); }
    if (item[CRITICAL]) { context.fillStyle = palette.critical; context.fillRect(left, top, right - left, 3); }
    if (right - left > 46) {
      context.save();
      context.beginPath();
      context.rect(left, top, right - left - 4, tall);
      context.clip();
      context.fillStyle = dark ? "#0d1117" : "#ffffff";
      context.fillText(item[LABEL], Math.max(left, 0) + 5, top + tall - 3);
      context.restore();
    }
  };

  const outline = (number, stroke) => {
    const bar = run.bars[number];
    if (!bar) return;
    context.strokeStyle = stroke;
    context.lineWidth = 2;
    const left = x(bar[START]);
    context.strokeRect(left - 1, laneTop(bar) + 1, Math.max(x(bar[END]) - left, 1) + 2, LANE_HEIGHT - 2);
  };

  const draw = () => {
    const ratio = devicePixelRatio || 1, dark = isDark.matches;
    canvas.style.height = `${height}px`;
    canvas.width = Math.round(width() * ratio);
    canvas.height = Math.round(height * ratio);
    context.setTransform(ratio, 0, 0, ratio, 0, 0);
    const palette = Object.fromEntries(["ground", "raised", "line", "text", "muted", "bad", "warn", "critical", "focus"].map((n) => [n, colour(`--${n}`)]));
    context.fillStyle = palette.ground;
    context.fillRect(0, 0, width(), height);
    context.font = "11px system-ui, sans-serif";
    for (const [at, text] of ticks()) {
      context.fillStyle = palette.line;
      context.fillRect(x(at), AXIS - 6, 1, height);
      context.fillStyle = palette.muted;
      context.fillText(text, Math.min(x(at) + 3, width() - context.measureText(text).width - 2), 13);
    }
    for (const row of rows) {
      context.fillStyle = palette.raised;
      context.fillRect(0, row.top, width(), HEAD - 2);
      context.fillStyle = palette.text;
      context.font = "600 12px system-ui, sans-serif";
      context.fillText(place(row.name), SIDE, row.top + 14);
      context.font = "11px system-ui, sans-serif";
    }
    for (const bar of run.bars) drawBar(bar, palette, dark);
    context.globalAlpha = 1;
    if (hovered >= 0) outline(hovered, palette.muted);
    if (chosen >= 0) outline(chosen, palette.focus);
    for (const [number, button] of [...legend.children].entries()) button.firstChild.style.background = taskColour(shown[number] ?? 0, dark);
  };

  const at = (event) => {
    const box = canvas.getBoundingClientRect();
    const left = event.clientX - box.left, top = event.clientY - box.top;
    const reach = (to - from) * (2 / Math.max(width(), 1));
    let found = -1;
    for (let n = 0; n < run.bars.length; n += 1) {
      const bar = run.bars[n], laneAt = laneTop(bar);
      if (top >= laneAt && top < laneAt + LANE_HEIGHT && seconds(left) >= bar[START] - reach && seconds(left) <= bar[END] + reach) found = n;
    }
    return found;
  };

  const describe = (number) => {
    const bar = run.bars[number];
    if (!bar) return "";
    const item = run.items[bar[ITEM]];
    const parts = [item[ADDRESS], `${time(bar[END] - bar[START])} on ${place(run.executors[bar[EXEC]][0])}, from ${time(bar[START])} on`];
    if (bar[START] - bar[SUBMITTED] > 0.001) parts.push(`waited there ${time(bar[START] - bar[SUBMITTED])}`);
    if (bar[SWAP] !== null) parts.push(bar[SWAP] ? `about ${time(bar[SWAP])} of it to change models` : "changed models");
    if (KINDS[bar[KIND]]) parts.push(KINDS[bar[KIND]]);
    if (item[CRITICAL]) parts.push("critical path");
    return parts.join(" · ");
  };

  const zoom = (factor, middle = (from + to) / 2) => {
    const span = Math.min(whole, Math.max((to - from) * factor, whole / 20000, 0.002));
    const share = (middle - from) / (to - from);
    from = Math.max(0, Math.min(middle - span * share, whole - span));
    to = from + span;
    draw();
  };
  const move = (by) => {
    const span = to - from;
    from = Math.max(0, Math.min(from + by, whole - span));
    to = from + span;
    draw();
  };
  const fit = () => { from = 0; to = whole; draw(); };

  const choose = (number) => {
    chosen = number;
    told.textContent = describe(number);
    const bar = run.bars[number];
    if (bar && (bar[END] < from || bar[START] > to)) move((bar[START] + bar[END]) / 2 - (from + to) / 2);
    else draw();
  };
  // The nearest bar of the next lane in this direction.
  const otherLane = (direction) => {
    const bar = run.bars[chosen], own = laneTop(bar), middle = (bar[START] + bar[END]) / 2;
    let best = -1, nearest = Infinity;
    for (const [number, other] of run.bars.entries()) {
      const away = (laneTop(other) - own) * direction;
      if (away <= 0) continue;
      const distance = away * 1e6 + Math.abs((other[START] + other[END]) / 2 - middle);
      if (distance < nearest) { nearest = distance; best = number; }
    }
    return best < 0 ? chosen : best;
  };

  canvas.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const keys = {
      ArrowRight: () => choose(Math.min(chosen + 1, run.bars.length - 1)),
      ArrowLeft: () => choose(Math.max(chosen - 1, 0)),
      ArrowDown: () => choose(chosen < 0 ? 0 : otherLane(1)),
      ArrowUp: () => choose(chosen < 0 ? 0 : otherLane(-1)),
      Home: () => choose(0),
      End: () => choose(run.bars.length - 1),
      "+": () => zoom(0.5), "=": () => zoom(0.5), "-": () => zoom(2), 0: fit,
      Enter: () => { if (chosen >= 0) showItem(run.bars[chosen][ITEM]); },
    };
    if (keys[event.key]) { event.preventDefault(); keys[event.key](); }
  });
  canvas.addEventListener("wheel", (event) => {
    if (!event.ctrlKey && !event.metaKey) return;
    event.preventDefault();
    zoom(event.deltaY > 0 ? 1.25 : 0.8, seconds(event.clientX - canvas.getBoundingClientRect().left));
  }, { passive: false });
  let grip = null;
  canvas.addEventListener("pointerdown", (event) => {
    grip = { left: event.clientX, moved: false };
    canvas.setPointerCapture(event.pointerId);
  });
  canvas.addEventListener("pointermove", (event) => {
    if (grip) {
      const by = grip.left - event.clientX;
      if (grip.moved || Math.abs(by) > 4) {
        grip = { left: event.clientX, moved: true };
        move((by / Math.max(width(), 1)) * (to - from));
      }
      return;
    }
    const found = at(event);
    if (found !== hovered) { hovered = found; draw(); }
    tip.hidden = found < 0;
    if (found < 0) return;
    tip.textContent = describe(found);
    const box = canvas.getBoundingClientRect();
    tip.style.left = `${Math.max(0, Math.min(event.clientX - box.left + 12, box.width - tip.offsetWidth - 4))}px`;
    const below = event.clientY - box.top + 18;
    tip.style.top = `${below + tip.offsetHeight > box.height ? Math.max(0, event.clientY - box.top - tip.offsetHeight - 10) : below}px`;
  });
  canvas.addEventListener("pointerup", (event) => {
    if (grip && !grip.moved) {
      const found = at(event);
      if (found >= 0) { choose(found); showItem(run.bars[found][ITEM]); }
    }
    grip = null;
  });
  canvas.addEventListener("pointercancel", () => { grip = null; });
  canvas.addEventListener("pointerleave", () => { tip.hidden = true; if (hovered >= 0) { hovered = -1; draw(); } });
  document.getElementById("zoom-in").addEventListener("click", () => zoom(0.5));
  document.getElementById("zoom-out").addEventListener("click", () => zoom(2));
  document.getElementById("zoom-fit").addEventListener("click", fit);
  isDark.addEventListener("change", draw);
  new ResizeObserver(draw).observe(canvas.parentElement);
  draw();
})();
