// Pictures are read a chunk at a time, when one of them is looked at.
const chunks = [...document.querySelectorAll("script.pictures")];
const read = new Map();
const picture = (number) => {
  const chunk = Math.floor(number / run.chunk);
  if (!read.has(chunk)) read.set(chunk, JSON.parse(chunks[chunk].textContent));
  return read.get(chunk)[number % run.chunk];
};
const element = (name, className, text) => {
  const made = document.createElement(name);
  if (className) made.className = className;
  if (text !== undefined) made.textContent = text;
  return made;
};
const stateOf = (item) => run.states[item[STATE]];
const markOf = (item) => {
  const state = stateOf(item);
  if (state === "failed" || state === "needs_review") return "bad";
  return ["blocked", "held", "running", "backoff"].includes(state) ? "warn" : "";
};
const whole = (file) => (file.startsWith("/") ? run.folder + file : file);
const address = (file) => run.way + whole(file).split("/").map(encodeURIComponent).join("/");

const showItem = (number) => {
  const item = run.items[number];
  const dialog = document.getElementById("item");
  document.getElementById("item-title").textContent = item[ADDRESS];
  const body = document.getElementById("item-body");
  body.replaceChildren();
  if (item[PICTURE] !== null) {
    const image = element("img");
    image.src = picture(item[PICTURE]);
    image.alt = item[LABEL];
    body.append(image);
  }
  const list = element("dl");
  const tell = (name, value) => {
    const told = element("dd");
    told.append(value);
    list.append(element("dt", "", name), told);
  };
  tell("state", spoken(stateOf(item)));
  if (item[REASON]) tell("because", item[REASON]);
  if (item[EXECUTOR]) tell("ran on", place(item[EXECUTOR]));
  if (item[TRIES]) tell("took", time(item[SECONDS]) + (item[TRIES] > 1 ? ` in ${item[TRIES]} tries` : ""));
  if (item[VISITS] > 1) tell("visits", String(item[VISITS]));
  if (item[CRITICAL]) tell("critical path", "yes");
  for (const [at, name] of run.metrics.entries()) if (item[VALUES][at] !== null) tell(name, String(item[VALUES][at]));
  for (const file of item[FILES]) {
    if (run.way === null) { tell("file", whole(file)); continue; }
    const link = element("a", "", whole(file));
    link.href = address(file);
    tell("file", link);
  }
  body.append(list);
  if (!dialog.open) dialog.showModal();
};

(() => {
  const LEAST = 132, TALL = 158, LOW = 60, GAP = 8, BEYOND = 400;
  const byTask = run.tasks.map(() => []);
  for (const [number, item] of run.items.entries()) if (item[TASK] !== null) byTask[item[TASK]].push(number);
  const grids = [...document.querySelectorAll(".task")].map((task) => {
    const number = Number(task.dataset.task);
    const grid = task.querySelector(".grid");
    return { grid, button: task.querySelector("button"), all: byTask[number], shown: byTask[number], cells: new Map(), first: 0 };
  });

  const cell = (number) => {
    const item = run.items[number];
    const made = element("button", "cell");
    made.type = "button";
    made.dataset.item = number;
    made.setAttribute("role", "listitem");
    made.title = item[ADDRESS];
    const frame = element("span", "picture");
    if (item[PICTURE] !== null) {
      const image = element("img");
      image.src = picture(item[PICTURE]);
      image.alt = "";
      image.decoding = "async";
      frame.append(image);
    } else {
      frame.classList.add("none");
      frame.textContent = item[FILES].length ? "file" : "";
    }
    const label = element("span", "label");
    label.append(element("span", "", item[LABEL]), element("span", `mark ${markOf(item)}`, spoken(stateOf(item)) + (item[TRIES] ? ` · ${time(item[SECONDS])}` : "")));
    made.append(frame, label);
    return made;
  };

  // Only the cells near the window exist.
  const lay = (part) => {
    if (part.grid.hidden) return;
    const wide = part.grid.clientWidth;
    const columns = Math.max(2, Math.floor((wide + GAP) / (LEAST + GAP)));
    const side = (wide - (columns - 1) * GAP) / columns;
    const hasPictures = part.shown.some((number) => run.items[number][PICTURE] !== null);
    const tall = hasPictures ? TALL : LOW;
    const lines = Math.ceil(part.shown.length / columns);
    part.grid.style.height = `${Math.max(0, lines * (tall + GAP) - GAP)}px`;
    const top = part.grid.getBoundingClientRect().top;
    const firstLine = Math.max(0, Math.floor((-top - BEYOND) / (tall + GAP)));
    const lastLine = Math.min(lines, Math.ceil((innerHeight - top + BEYOND) / (tall + GAP)));
    const wanted = new Map();
    for (let at = firstLine * columns; at < Math.min(lastLine * columns, part.shown.length); at += 1) wanted.set(part.shown[at], at);
    for (const [number, made] of part.cells) {
      if (!wanted.has(number) && made !== document.activeElement) { made.remove(); part.cells.delete(number); }
    }
    for (const [number, at] of wanted) {
      let made = part.cells.get(number);
      if (!made) { made = cell(number); part.cells.set(number, made); part.grid.append(made); }
      made.style.left = `${(at % columns) * (side + GAP)}px`;
      made.style.top = `${Math.floor(at / columns) * (tall + GAP)}px`;
      made.style.width = `${side}px`;
      made.style.height = `${tall}px`;
    }
    part.columns = columns;
  };

  let due = false;
  const layAll = () => {
    if (due) return;
    due = true;
    requestAnimationFrame(() => { due = false; grids.forEach(lay); });
  };

  const open = (part, isOpen) => {
    part.button.setAttribute("aria-expanded", String(isOpen));
    part.grid.hidden = !isOpen;
    if (!isOpen) { part.cells.clear(); part.grid.replaceChildren(); }
    grids.forEach(lay);
  };
  for (const part of grids) {
    part.button.addEventListener("click", () => open(part, part.grid.hidden));
    part.grid.addEventListener("keydown", (event) => {
      const at = part.shown.indexOf(Number(event.target.dataset?.item));
      const steps = { ArrowRight: 1, ArrowLeft: -1, ArrowDown: part.columns, ArrowUp: -part.columns };
      const next = part.shown[at + (steps[event.key] ?? 0)];
      if (at < 0 || !steps[event.key] || next === undefined) return;
      event.preventDefault();
      part.cells.get(next)?.focus();
      part.cells.get(next)?.scrollIntoView({ block: "nearest" });
    });
  }

  const find = document.getElementById("find"), state = document.getElementById("state"), found = document.getElementById("found");
  const filter = () => {
    const text = find.value.trim().toLowerCase(), wanted = state.value;
    const fits = (number) => {
      const item = run.items[number];
      return (!wanted || stateOf(item) === wanted) && (!text || item[ADDRESS].toLowerCase().includes(text) || (item[REASON] ?? "").toLowerCase().includes(text));
    };
    let count = 0;
    const isFiltered = text !== "" || wanted !== "";
    for (const part of grids) {
      part.shown = isFiltered ? part.all.filter(fits) : part.all;
      count += part.shown.length;
      part.grid.closest(".task").hidden = isFiltered && part.shown.length === 0;
      part.cells.clear();
      part.grid.replaceChildren();
    }
    found.textContent = isFiltered ? `${count} of ${run.items.length} items` : "";
    grids.forEach(lay);
  };
  find.addEventListener("input", filter);
  state.addEventListener("change", filter);
  find.form.addEventListener("submit", (event) => event.preventDefault());

  document.addEventListener("click", (event) => {
    const named = event.target.closest("[data-item]");
    if (named) showItem(Number(named.dataset.item));
  });
  document.getElementById("item").addEventListener("click", (event) => {
    if (event.target === event.currentTarget) event.currentTarget.close();
  });
  addEventListener("scroll", layAll, { passive: true });
  addEventListener("resize", layAll);
  // What was made last is what people look for.
  const last = grids.findLast((part) => part.all.some((number) => run.items[number][PICTURE] !== null));
  if (last) open(last, true);
})();
