"use strict";
(() => {
  const drawing = document.getElementById("drawing");
  const closed = drawing.firstElementChild;
  let open = null;

  // Puts the box of a task, as far as possible, where it was before.
  const keep = (task, before) => {
    const box = drawing.querySelector(`[data-task="${task}"]`);
    if (!box) return;
    const after = box.getBoundingClientRect();
    drawing.scrollLeft += after.left - before.left;
    drawing.scrollTop += after.top - before.top;
    box.focus({ preventScroll: true });
  };

  const show = (task, box) => {
    const before = box.getBoundingClientRect();
    const template = task === open ? null : document.querySelector(`template[data-open="${task}"]`);
    if (task !== open && !template) return;
    open = template ? task : null;
    drawing.replaceChildren(template ? template.content.firstElementChild.cloneNode(true) : closed);
    keep(task, before);
  };

  drawing.addEventListener("click", (event) => {
    const box = event.target.closest(".dag-opens");
    if (box) show(box.dataset.task, box);
  });
  drawing.addEventListener("keydown", (event) => {
    const box = event.target.closest(".dag-opens");
    if (event.key === "Escape" && open !== null) {
      show(open, drawing.querySelector(`[data-task="${open}"]`));
    } else if (box && (event.key === "Enter" || event.key === " ")) {
      event.preventDefault();
      show(box.dataset.task, box);
    }
  });
})();
