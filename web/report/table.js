// A table that sorts by its heads and filters by a word.
// columns: {title, value(row) -> sorts, text(row) -> shows, detail(row) -> title, number, bar(row) 0..1, element(row),
// optional: left out where no row has a value}
function makeTable({id, caption, columns, rows, sortBy, filter, leftOut, page = 40}) {
  columns = columns.filter((column) => !column.optional || rows.some((row) => column.value(row) !== null));
  let sorted = sortBy ?? -1, descending = true, needle = "", shown = page;
  const body = el("tbody");
  const more = el("button", {type: "button", class: "quiet", onclick: () => { shown = Infinity; draw(); }});
  const status = el("span", {class: "muted", role: "status"});
  const heads = columns.map((column, index) => {
    const button = el("button", {type: "button", text: column.title, title: column.hint, onclick: () => {
      descending = sorted === index ? !descending : column.number === true;
      sorted = index;
      draw();
    }});
    return el("th", {scope: "col", class: column.number ? "number" : null}, button);
  });
  const input = filter ? el("input", {type: "search", placeholder: filter, "aria-label": filter, autocomplete: "off", spellcheck: "false",
    oninput: () => { needle = input.value.trim().toLowerCase(); shown = page; draw(); }}) : null;

  function cell(column, row) {
    const detail = column.detail ? column.detail(row) : null;
    const content = column.element ? column.element(row) : document.createTextNode(column.text(row));
    const item = el("td", {class: column.number ? "number" : column.wide ? "wide" : null, title: detail});
    if (column.bar && Number.isFinite(column.bar(row))) {
      const fill = el("span", {class: "cell-bar", "aria-hidden": "true"});
      fill.style.width = Math.max(0, Math.min(1, column.bar(row))) * 100 + "%";
      item.append(el("span", {class: "cell-track", "aria-hidden": "true"}, fill), el("span", {}, content));
    } else {
      item.append(content);
    }
    return item;
  }

  function draw() {
    let chosen = needle ? rows.filter((row) => columns.some((column) => !column.number && String(column.value(row)).toLowerCase().includes(needle))) : rows.slice();
    if (sorted >= 0) {
      const value = columns[sorted].value, sign = descending ? -1 : 1;
      const empty = (item) => item === null || item === undefined || Number.isNaN(item);
      chosen = chosen.map((row) => [value(row), row]).sort(([a], [b]) => {
        if (empty(a) || empty(b)) return empty(a) - empty(b);
        return sign * (typeof a === "string" ? a.localeCompare(b) : a - b);
      }).map((pair) => pair[1]);
    }
    heads.forEach((head, index) => head.setAttribute("aria-sort", index === sorted ? (descending ? "descending" : "ascending") : "none"));
    body.replaceChildren(...chosen.slice(0, shown).map((row) => el("tr", {}, columns.map((column) => cell(column, row)))));
    if (chosen.length === 0) body.append(el("tr", {}, el("td", {colspan: columns.length, class: "muted", text: "Nothing here has that in its name."})));
    more.hidden = chosen.length <= shown;
    more.textContent = "Show all " + count(chosen.length);
    status.textContent = needle ? count(chosen.length) + " of " + count(rows.length) : "";
  }

  draw();
  return el("div", {class: "table-block", id},
    input ? el("div", {class: "table-tools"}, input, status) : null,
    el("div", {class: "table-scroll", tabindex: "0", role: "region", "aria-label": caption},
      el("table", {}, el("caption", {class: "unseen", text: caption}), el("thead", {}, el("tr", {}, heads)), body)),
    more,
    leftOut ? el("p", {class: "muted small", text: `${plural(leftOut, "further row")} with less time: left out of this page, in the summary's JSON.`}) : null);
}
