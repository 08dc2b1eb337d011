"use strict";
{
  const large = document.getElementById("large");
  const own = document.getElementById("large-own"), other = document.getElementById("large-other");
  const slide = document.getElementById("large-slide"), range = slide.querySelector("input");
  const cut = () => { own.style.clipPath = slide.hidden ? "none" : `inset(0 0 0 ${range.value}%)`; };
  for (const shot of document.querySelectorAll(".shot")) {
    shot.addEventListener("click", () => {
      const name = shot.getAttribute("aria-label");
      const beside = shot.dataset.beside && document.getElementById(shot.dataset.beside);
      own.src = shot.querySelector("img").src;
      own.alt = name;
      other.src = beside ? beside.querySelector("img").src : "data:,";
      other.hidden = slide.hidden = !beside;
      document.getElementById("large-title").textContent = name;
      document.getElementById("large-names").textContent = beside ? `left: ${beside.getAttribute("aria-label")} · right: ${name}` : "";
      range.value = 50;
      cut();
      large.showModal();
    });
  }
  range.addEventListener("input", cut);
  large.addEventListener("click", (event) => { if (event.target === large) large.close(); });
}
