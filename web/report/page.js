// Elements. Texts go in as text nodes only: no name of a capture is ever read as HTML.

function el(tag, attributes, ...children) { return fill(document.createElement(tag), attributes, children); }
function svg(tag, attributes, ...children) { return fill(document.createElementNS("http://www.w3.org/2000/svg", tag), attributes, children); }

function fill(element, attributes, children) {
  for (const [name, value] of Object.entries(attributes || {})) {
    if (value === undefined || value === null || value === false) continue;
    if (name === "text") element.textContent = value;
    else if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
    else element.setAttribute(name, value === true ? "" : value);
  }
  for (const child of children.flat(Infinity)) if (child !== null && child !== undefined && child !== false) element.append(child);
  return element;
}

// One tooltip for the whole page: rows of [label, value], the first a title.
const tip = {
  show(x, y, title, rows) {
    const box = document.getElementById("tip");
    box.replaceChildren(el("div", {class: "tip-title", text: title}), el("dl", {}, rows.map(([name, value]) => [el("dt", {text: name}), el("dd", {text: value})])));
    box.hidden = false;
    const width = box.offsetWidth, height = box.offsetHeight;
    const left = x + 16 + width > innerWidth ? x - width - 12 : x + 16;
    const top = y + 18 + height > innerHeight ? y - height - 12 : y + 18;
    box.style.left = Math.max(8, left) + "px";
    box.style.top = Math.max(8, top) + "px";
  },
  hide() { document.getElementById("tip").hidden = true; },
};

// The chosen theme: "auto" follows the system.
const theme = {
  listeners: [],
  read() {
    try { return localStorage.getItem("alt_las.theme") || "auto"; } catch { return "auto"; }
  },
  choose(name) {
    try { localStorage.setItem("alt_las.theme", name); } catch { /* a private window: for this page only */ }
    this.show(name);
  },
  show(name) {
    if (name === "auto") delete document.documentElement.dataset.theme;
    else document.documentElement.dataset.theme = name;
    for (const listener of this.listeners) listener();
  },
};

function color(name) { return getComputedStyle(document.documentElement).getPropertyValue("--" + name).trim(); }

function section(id, title, lead, ...content) {
  return el("section", {id, "aria-labelledby": id + "-title"},
    el("div", {class: "section-head"}, el("h2", {id: id + "-title", text: title}), lead ? el("p", {class: "lead", text: lead}) : null),
    ...content);
}
