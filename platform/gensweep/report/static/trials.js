// A trial that is pointed at, or clicked to stay, stands out wherever it is: lines, dots, pictures and
// the row of its table. An outcome in a legend hides its lines and dots in that section, and shows
// them again.
const marks = new Map();
const mark = (element, told) => {
  const number = /^trial (\d+)\b/.exec(told)?.[1];
  if (number === undefined) return;
  element.dataset.trial = number;
  marks.set(number, [...(marks.get(number) ?? []), element]);
};
for (const title of document.querySelectorAll("svg title")) mark(title.parentNode, title.textContent);
for (const image of document.querySelectorAll("figure img")) mark(image.parentNode, image.alt);
for (const row of document.querySelectorAll("#trials tbody tr")) {
  mark(row, `trial ${row.cells[0].textContent}`);
}

document.getElementById("pointing").hidden = marks.size === 0;

let chosen;
const show = (number) => {
  for (const element of document.querySelectorAll(".lit")) element.classList.remove("lit");
  for (const element of marks.get(number) ?? []) element.classList.add("lit");
};
const trialAt = (event) => event.target.closest("[data-trial]")?.dataset.trial;
document.addEventListener("pointerover", (event) => show(trialAt(event) ?? chosen));
document.addEventListener("click", (event) => {
  const number = trialAt(event);
  if (number === undefined) return;
  chosen = number === chosen ? undefined : number;
  show(chosen);
});

for (const key of document.querySelectorAll("p.legend span")) {
  const outcome = key.firstElementChild.className;
  const section = key.closest("section");
  const drawn = section?.querySelectorAll(`polyline.${outcome}, circle.${outcome}`) ?? [];
  if (drawn.length === 0) continue;
  const button = document.createElement("button");
  button.append(...key.childNodes);
  button.setAttribute("aria-pressed", "true");
  key.append(button);
  button.addEventListener("click", () => {
    const hidden = button.getAttribute("aria-pressed") === "true";
    button.setAttribute("aria-pressed", String(!hidden));
    for (const element of drawn) element.classList.toggle("gone", hidden);
  });
}

addEventListener("beforeprint", () => {
  for (const folded of document.querySelectorAll("details")) folded.open = true;
});
