"use strict";
const part = (id) => document.getElementById(id);
const rows = part("table").tBodies[0];
let version = -1;
let over = false;

const post = (action, value = {}) =>
  fetch(action, { method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify(value) });

function end(text) {
  over = true;
  document.querySelector(".actions")?.remove();
  for (const field of document.querySelectorAll("input")) field.disabled = true;
  part("notes").textContent = text;
}

function row(loss) {
  const made = rows.insertRow();
  made.innerHTML = `<th scope="row">${loss.swatch}<span></span></th><td></td><td></td><td></td>`;
  const parts = loss.name.split(/(?<=[_/])/);
  made.querySelector("span").append(...parts.flatMap((one) => [one, document.createElement("wbr")]));
  if (loss.weight !== null) {
    const input = document.createElement("input");
    Object.assign(input, { type: "number", step: "any", ariaLabel: `Weight of ${loss.name}` });
    input.dataset.name = loss.name;
    input.addEventListener("change", () => {
      if (input.value !== "") post("weights", { [loss.name]: input.valueAsNumber });
    });
    made.cells[1].append(input);
  }
  return made;
}

function show(state) {
  version = state.version;
  part("facts").textContent = state.facts;
  part("notes").textContent = state.notes;
  if (state.picture) {
    const image = part("picture");
    Object.assign(image, { src: state.picture, hidden: false });
    part("curves").innerHTML = state.curves;
    part("table").hidden = false;
    const names = [...rows.rows].map((one) => one.querySelector("span").textContent);
    if (names.join("\n") !== state.losses.map((loss) => loss.name).join("\n")) {
      rows.replaceChildren();
      state.losses.forEach(row);
    }
    state.losses.forEach((loss, number) => {
      const cells = rows.rows[number].cells;
      const input = cells[1].querySelector("input");
      if (input && input !== document.activeElement) input.value = loss.weight;
      cells[2].textContent = loss.first;
      cells[3].textContent = loss.now;
    });
  }
  if (state.over) end(state.notes);
}

part("stop").addEventListener("click", () => {
  part("stop").disabled = true;
  post("stop");
});
part("save")?.addEventListener("click", () => post("save"));

(async () => {
  for (let lost = 0; !over; ) {
    try {
      const answer = await fetch(`state?after=${version}`);
      if (!answer.ok) throw new Error(answer.statusText);
      show(await answer.json());
      lost = 0;
    } catch {
      lost += 1;
      if (lost === 3) return end("The run has ended.");
      await new Promise((done) => setTimeout(done, 1000));
    }
  }
})();
