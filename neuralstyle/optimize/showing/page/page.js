"use strict";
for (const figure of document.querySelectorAll(".compare")) {
  const range = figure.querySelector("input");
  if (!range) continue;
  const move = () => {
    figure.style.setProperty("--cut", range.value + "%");
    range.setAttribute("aria-valuetext", Math.round(range.value) + " % photograph");
  };
  range.addEventListener("input", move);
  move();
}
