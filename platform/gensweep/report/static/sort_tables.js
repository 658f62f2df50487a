// A click on the head of a column sorts the rows of its table, a second one the other way round.
// Numbers go by value, words by the alphabet, and empty cells stay at the end.
const keyOf = (row, column) => {
  const text = row.cells[column].textContent;
  return text !== "" && !isNaN(text) ? Number(text) : text;
};

const compare = (a, b, sign) => {
  if (a === "" || b === "") return (a === "") - (b === "");
  const numeric = typeof a === "number" && typeof b === "number";
  return sign * (numeric ? a - b : String(a).localeCompare(String(b)));
};

for (const button of document.querySelectorAll("th button")) {
  button.addEventListener("click", () => {
    const head = button.closest("th");
    const body = head.closest("table").tBodies[0];
    const ascending = head.getAttribute("aria-sort") !== "ascending";
    for (const other of head.parentNode.children) other.removeAttribute("aria-sort");
    head.setAttribute("aria-sort", ascending ? "ascending" : "descending");
    const [column, sign] = [head.cellIndex, ascending ? 1 : -1];
    const rows = [...body.rows];
    rows.sort((r, s) => compare(keyOf(r, column), keyOf(s, column), sign));
    body.append(...rows);
  });
}
