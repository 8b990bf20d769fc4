"use strict";
// Filters and sorts what is there already. Everything can be read without it.
(() => {
  const form = document.getElementById("filter");
  const text = document.getElementById("filter-text");
  const count = document.getElementById("filter-count");
  const rows = Array.from(document.querySelectorAll("[data-result]"));
  const words = new Map();
  const boxes = Array.from(form.querySelectorAll("input[name=result]"));

  const wordsOf = (row) => {
    if (!words.has(row)) words.set(row, row.textContent.toLowerCase());
    return words.get(row);
  };

  const filter = () => {
    const wanted = text.value.trim().toLowerCase();
    const results = new Set(boxes.filter((box) => box.checked).map((box) => box.value));
    const everything = !wanted && results.size === boxes.length;
    let shown = 0;
    for (const row of rows) {
      const fits = results.has(row.dataset.result) && (!wanted || wordsOf(row).includes(wanted));
      row.hidden = !fits;
      shown += fits;
    }
    for (const more of document.querySelectorAll("details.chunk")) {
      more.open = !everything && more.querySelector("[data-result]:not([hidden])") !== null;
      more.hidden = !everything && !more.open;
    }
    count.textContent = everything ? "" : `${shown} of ${rows.length} rows fit`;
  };

  let later;
  text.addEventListener("input", () => { clearTimeout(later); later = setTimeout(filter, 120); });
  for (const box of boxes) box.addEventListener("change", filter);
  form.addEventListener("submit", (event) => event.preventDefault());
  form.hidden = false;

  const valueOf = (row, column) => {
    const cell = row.cells[column];
    return cell.dataset.sort === undefined ? cell.textContent.toLowerCase() : Number(cell.dataset.sort);
  };

  const sort = (section, column, ascending) => {
    const bodies = Array.from(section.querySelectorAll("table.sortable > tbody"));
    const lengths = bodies.map((body) => body.rows.length);
    const sorted = bodies.flatMap((body) => Array.from(body.rows)).map((row) => [valueOf(row, column), row]);
    sorted.sort(([first], [second]) => (first < second ? -1 : first > second ? 1 : 0) * (ascending ? 1 : -1));
    let from = 0;
    bodies.forEach((body, place) => {
      body.append(...sorted.slice(from, from + lengths[place]).map(([, row]) => row));
      from += lengths[place];
    });
    for (const head of section.querySelectorAll("table.sortable > thead > tr")) {
      Array.from(head.cells).forEach((cell, place) => {
        if (place === column) cell.setAttribute("aria-sort", ascending ? "ascending" : "descending");
        else cell.removeAttribute("aria-sort");
      });
    }
  };

  for (const head of document.querySelectorAll("table.sortable > thead > tr")) {
    Array.from(head.cells).forEach((cell, column) => {
      const button = document.createElement("button");
      button.type = "button";
      button.append(...cell.childNodes);
      button.addEventListener("click", () => sort(cell.closest("section"), column, cell.getAttribute("aria-sort") !== "ascending"));
      cell.append(button);
    });
  }
})();
