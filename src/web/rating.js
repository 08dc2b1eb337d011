"use strict";
const at = id => document.getElementById(id);
const AHEAD = 3;
// How long a new picture stands before an answer counts: a key that was held down says nothing of it.
const LOOK_MS = 120;
let rater = "", mode = "pairs", total = 0, queue = [], busy = false, shown = 0;
const loaded = new Map();

async function call(what, more) {
  const body = JSON.stringify({ rater, mode, ...more });
  const answer = await fetch(what, { method: "POST", headers: { "Content-Type": "application/json" }, body });
  const data = await answer.json();
  if (!answer.ok) throw Object.assign(new Error(data.error), { status: answer.status });
  return data;
}

function picture(number) {
  if (!loaded.has(number)) {
    const image = new Image();
    image.alt = "";
    image.draggable = false;
    image.src = "picture/" + number;
    image.ready = image.decode().catch(() => Promise.reject(new Error("A picture cannot be shown: its file is gone or broken.")));
    image.ready.catch(() => loaded.delete(number));
    loaded.set(number, image);
  }
  return loaded.get(number);
}

function isUpright() { return matchMedia("(max-width: 600px) and (orientation: portrait)").matches; }

function answers() {
  if (mode === "stars") {
    const words = { 1: "1 bad", 5: "5 good" };
    return [1, 2, 3, 4, 5].map(stars => ({ keys: [String(stars)], text: words[stars] || String(stars), label: stars + " of 5", say: { stars } }));
  }
  const [one, other] = isUpright() ? ["Upper", "Lower"] : ["Left", "Right"];
  return [
    { keys: ["ArrowLeft", "1"], text: one, key: "←", label: one + " is better", say: { better: "left" } },
    { keys: ["ArrowDown", "ArrowUp", "2", " "], text: "Tie", key: "↓", label: "Neither is better", say: { better: null } },
    { keys: ["ArrowRight", "3"], text: other, key: "→", label: other + " is better", say: { better: "right" } },
  ];
}

function drawAnswers() {
  at("answers").replaceChildren(...answers().map(answer => {
    const button = document.createElement("button"), key = document.createElement("kbd");
    button.type = "button";
    button.setAttribute("aria-label", answer.label);
    button.append(answer.text);
    key.textContent = answer.key;
    if (answer.key) button.append(key);
    button.addEventListener("click", () => say(answer));
    return button;
  }));
}

function see(name) {
  for (const id of ["start", "work", "end"]) at(id).hidden = id !== name;
}

function tell(error) {
  at("trouble").hidden = !error;
  at("trouble").textContent = error || "";
}

async function show() {
  const done = total - queue.length;
  at("progress").max = Math.max(total, 1);
  at("progress").value = done;
  at("count").textContent = done + " of " + total;
  if (!queue.length) {
    at("end-text").textContent = total ? rater + " has answered all " + total + " questions. Everything is kept." : "There is nothing to compare.";
    see("end");
    return;
  }
  see("work");
  const task = queue[0], place = at("pictures"), images = task.pictures.map(picture);
  place.className = mode + " waiting";
  place.replaceChildren(...images.map((image, number) => {
    const figure = document.createElement("figure");
    const side = isUpright() ? ["Upper", "Lower"] : ["Left", "Right"];
    image.alt = images.length > 1 ? side[number] + " picture" : "Picture";
    figure.append(image);
    if (mode === "pairs") figure.addEventListener("click", () => say(answers()[number * 2]));
    return figure;
  }));
  try {
    await Promise.all(images.map(image => image.ready));
  } catch (error) {
    if (queue[0] === task) tell(error.message);
    return;
  }
  if (queue[0] !== task) return;
  place.classList.remove("waiting");
  shown = performance.now();
  for (const next of queue.slice(1, 1 + AHEAD)) next.pictures.forEach(picture);
  const kept = new Set(queue.slice(0, 1 + AHEAD).flatMap(next => next.pictures));
  for (const number of loaded.keys()) if (!kept.has(number) && loaded.size > 24) loaded.delete(number);
}

function isReady() {
  return !busy && queue.length && !at("work").hidden && !at("pictures").classList.contains("waiting") && performance.now() - shown >= LOOK_MS;
}

async function say(answer) {
  if (!isReady()) return;
  busy = true;
  const task = queue[0];
  const chosen = { left: 0, right: 1 }[answer.say.better];
  if (chosen !== undefined) at("pictures").children[chosen].classList.add("chosen");
  try {
    await call("judge", { task: task.task, ...answer.say });
    queue.shift();
    tell("");
  } catch (error) {
    // Somebody has answered it in another window: what is left is asked for again.
    if (error.status === 409) await load(); else tell("Not kept: " + error.message);
  }
  busy = false;
  await show();
}

async function undo() {
  if (busy || !rater) return;
  busy = true;
  try {
    const { task } = await call("undo");
    if (task) queue.unshift(task);
    tell(task ? "" : "There is nothing to take back.");
  } catch (error) {
    tell(error.message);
  }
  busy = false;
  await show();
}

async function load() {
  const found = await call("queue");
  total = found.total;
  queue = found.tasks;
}

at("start").addEventListener("submit", async event => {
  event.preventDefault();
  rater = at("rater").value.trim();
  mode = new FormData(event.target).get("mode");
  try {
    await load();
    at("start-error").textContent = "";
    document.activeElement.blur();
    drawAnswers();
    tell("");
    await show();
  } catch (error) {
    rater = "";
    at("start-error").textContent = error.message;
  }
});

at("again").addEventListener("click", () => { rater = ""; at("rater").value = ""; see("start"); at("rater").focus(); });
document.querySelectorAll(".undo").forEach(button => button.addEventListener("click", () => { button.blur(); undo(); }));
matchMedia("(max-width: 600px) and (orientation: portrait)").addEventListener("change", drawAnswers);

document.addEventListener("keydown", event => {
  if (!at("start").hidden || event.ctrlKey || event.metaKey || event.altKey) return;
  if (["z", "Z", "u", "Backspace"].includes(event.key)) {
    event.preventDefault();
    if (!event.repeat) undo();
    return;
  }
  const answer = answers().find(answer => answer.keys.includes(event.key));
  if (!answer || at("work").hidden) return;
  // A space on a button that has the focus presses that button.
  if (event.key === " " && event.target.tagName === "BUTTON") return;
  event.preventDefault();
  if (!event.repeat) say(answer);
});
