// SPDX-License-Identifier: GPL-2.0-or-later
// What the report does when it is touched: references open what they lead to, and the swim lanes.
"use strict";

// Open, mark and show the element of that name: a thread, an object, or lanes.
function show(name) {
  const target = document.getElementById(name);
  if (!target) return;
  const article = target.closest("article");
  for (const marked of article.querySelectorAll(".chosen")) marked.classList.remove("chosen");
  for (const node of article.querySelectorAll(`[data-target="${CSS.escape(name)}"]`)) node.classList.add("chosen");
  if (target.matches("details")) {
    target.classList.add("chosen");
    target.open = true;
    target.querySelector("summary").focus({ preventScroll: true });
  }
  const box = target.getBoundingClientRect();
  if (box.top < 0 || box.top > window.innerHeight - 120) target.scrollIntoView({ block: "start" });
}

document.addEventListener("click", (event) => {
  const from = event.target.closest("a[href^='#'], [data-target], [data-step]");
  if (!from) return;
  if (from.dataset.step) {
    const lanes = from.closest("article").querySelector(".lanes");
    lanes.goTo(Number(from.dataset.step));
    show(lanes.id);
  } else {
    show(from.dataset.target || from.hash.slice(1));
  }
  event.preventDefault();
});
document.addEventListener("keydown", (event) => {
  if ((event.key === "Enter" || event.key === " ") && event.target.matches("g[data-target]")) {
    show(event.target.dataset.target);
    event.preventDefault();
  }
});

const LANE = 26, TOP = 26;
const TAKES = /lock$|acquired|try$|once|^start$/, GIVES = /unlock|signal|broadcast|post|wake$|exit|create/, WAITS = /wait|woken|sleep|join|time passes|poll|accept/;

function kindOf(operation) {
  return GIVES.test(operation) ? "give" : WAITS.test(operation) ? "wait" : TAKES.test(operation) ? "take" : "other";
}

// [[value, count]...] as one value each.
function unrolled(runs) {
  return runs.flatMap(([value, count]) => Array(count).fill(value));
}

function element(name, attributes = {}, text = "") {
  const made = document.createElementNS("http://www.w3.org/2000/svg", name);
  for (const key in attributes) made.setAttribute(key, attributes[key]);
  made.textContent = text;
  return made;
}

// The window to begin with: from the first moment to the end, or to the last but that, if that is near enough.
function opening(moments, count, near) {
  const before = 12, first = Math.max((moments[0] ?? count) - before, 0);
  const last = moments.findLast((row) => row < count - 1 && row - first < near) ?? count;
  if (count - first < near) return [Math.min(first, Math.max(count - 40, 0)), count];
  return moments.length > 1 ? [first, Math.min(last + before, count)] : [Math.max(count - 120, 0), count];
}

// Swim lanes of the rows of `data`: one for each thread, a row being one step. The window is [from, to).
function lanes(place, data) {
  const step = unrolled(data.steps).map((value, row) => value + row);
  const time = unrolled(data.times);
  const kinds = data.operations.map(kindOf);
  const count = step.length, height = TOP + data.lanes.length * LANE + 18;
  const moments = data.moments.map((moment) => moment.row);
  let [from, to] = opening(moments, count, Math.min(Math.max(place.clientWidth / 6, 50), 240));
  let chosen = moments.findLast((row) => row < to) ?? to - 1;

  place.innerHTML = `<div class="tools">
    <button data-do="in" title="zoom in (+)">+</button><button data-do="out" title="zoom out (-)">−</button>
    <button data-do="left" title="earlier">◀</button><button data-do="right" title="later">▶</button>
    <button data-do="all" title="all steps (Home)">all</button><button data-do="end" title="the last steps (End)">end</button>
    <span class="key"><i class="take-key"></i>takes</span><span class="key"><i class="give-key"></i>releases, wakes</span>
    <span class="key"><i class="wait-key"></i>waits</span><span class="key"><i class="other-key"></i>other</span>
    <span class="key">▾ preempted the thread before</span>${data.inputs.length ? '<span class="key">● takes up an input</span>' : ""}</div>
    <div class="field"><div class="names"></div><div></div></div>
    <input type="range" min="0" aria-label="position of the lanes in the execution">
    <p class="at" aria-live="polite"></p>`;
  const names = place.querySelector(".names"), slider = place.querySelector("input"), at = place.querySelector(".at");
  for (const lane of data.lanes) {
    const name = document.createElement(lane.target ? "button" : "span");
    name.textContent = name.title = lane.name;
    if (lane.target) name.dataset.target = lane.target;
    names.append(name);
  }
  const svg = element("svg", { height, tabindex: 0, role: "application",
    "aria-label": "swim lanes. Arrow keys left and right choose a step, with Shift one that mattered; up and down stay with the thread; plus and minus zoom; Enter shows the thread's stack" });
  names.nextElementSibling.append(svg);

  function view(a, b) {
    const size = Math.min(Math.max(Math.round(b - a), 8), count);
    from = Math.min(Math.max(Math.round(a), 0), count - size);
    to = from + size;
    draw();
  }
  function zoom(factor, middle = (from + to) / 2) {
    view(middle - (middle - from) * factor, middle + (to - middle) * factor);
  }
  function choose(row) {
    chosen = Math.min(Math.max(row, 0), count - 1);
    const size = to - from;
    if (chosen < from || chosen >= to) view(chosen - size / 2, chosen + size / 2);
    else draw();
  }
  function describe(row) {
    const what = `${data.operations[data.operation[row]]} ${data.objects[data.object[row]]}`.trim();
    const before = row && step[row] === step[row - 1] + 1 ? data.lanes[data.lane[row - 1]].name : "another thread";
    const how = data.switched[row] === "2" ? ` · preempted ${before}` : data.switched[row] === "1" ? ` · ${before} could not go on` : "";
    const taken = data.inputs.filter((input) => input.row === row).map((input) => ` · takes up ${input.text}`).join("");
    const mattered = data.moments.filter((moment) => moment.row === row).map((moment) => ` — ${moment.text}`).join("");
    return `step ${step[row].toLocaleString("en")} · ${data.lanes[data.lane[row]].name} · ${what} · ${(time[row] / 1e6).toLocaleString("en", { minimumFractionDigits: 3 })} ms${how}${taken}${mattered}`;
  }

  function draw() {
    const width = Math.max(svg.clientWidth, 100), size = to - from, unit = width / size;
    const x = (row) => (row - from) * unit, y = (lane) => TOP + lane * LANE;
    const parts = [];
    const add = (...what) => parts.push(element(...what));
    data.lanes.forEach((_, lane) => add("line", { class: "lane", x1: 0, x2: width, y1: y(lane) + LANE - 2, y2: y(lane) + LANE - 2 }));
    if (unit >= 3) {
      for (let row = from; row < to; row++) {
        const lane = data.lane[row];
        add("rect", { class: kinds[data.operation[row]], x: x(row), y: y(lane) + 3, width: Math.max(unit - 1, 1), height: LANE - 8, rx: unit > 8 ? 2 : 0 });
        if (data.switched[row] === "2" && unit > 6) add("path", { class: "preempted", d: `M${x(row)},${y(lane)}h6l-3,5z` });
        const label = data.operations[data.operation[row]];
        if (unit > label.length * 6 + 6) add("text", { class: "on", x: x(row) + 4, y: y(lane) + 16 }, label);
      }
    } else {
      // Too narrow to tell steps apart: where each thread ran.
      const ends = data.lanes.map(() => null);
      const close = (lane) => ends[lane] && add("rect", { class: "many", x: ends[lane][0], y: y(lane) + 3, width: Math.max(ends[lane][1] - ends[lane][0], 1), height: LANE - 8 });
      for (let row = from; row < to; row++) {
        const lane = data.lane[row], run = ends[lane];
        if (run && x(row) - run[1] < 1) { run[1] = x(row + 1); continue; }
        close(lane);
        ends[lane] = [x(row), x(row + 1)];
      }
      ends.forEach((_, lane) => close(lane));
    }
    for (let row = Math.max(from, 1); row < to; row++)
      if (step[row] !== step[row - 1] + 1) {
        add("line", { class: "gap", x1: x(row), x2: x(row), y1: TOP, y2: height - 18 });
        add("text", { class: "axis", x: x(row) + 4, y: TOP - 2 }, `${(step[row] - step[row - 1] - 1).toLocaleString("en")} steps not shown`);
      }
    if (size <= 400)
      for (const [a, b] of data.wakeups)
        if (b >= from && a < to && (a >= from || b < to)) {
          const x1 = x(a) + unit / 2, x2 = x(b) + unit / 2, y1 = y(data.lane[a]) + LANE / 2, y2 = y(data.lane[b]) + LANE / 2;
          const near = a === chosen || b === chosen;
          if (near || unit > 9) add("path", { class: "wake", "stroke-width": near ? 2 : 0.7, d: `M${x1},${y1}C${(x1 + x2) / 2},${y1} ${(x1 + x2) / 2},${y2} ${x2},${y2}` });
        }
    for (const input of data.inputs)
      if (input.row >= from && input.row < to) add("circle", { class: "input", cx: x(input.row) + unit / 2, cy: y(input.lane) + LANE - 4, r: 3 });
    data.moments.forEach((moment, number) => {
      if (moment.row < from || moment.row >= to) return;
      const middle = x(moment.row) + unit / 2;
      add("line", { class: "moment", x1: middle, x2: middle, y1: 18, y2: height - 18 });
      add("circle", { class: "flag", cx: Math.min(Math.max(middle, 9), width - 9), cy: 10, r: 9, "data-row": moment.row });
      add("text", { class: "on", x: Math.min(Math.max(middle, 9), width - 9), y: 14, "text-anchor": "middle" }, number + 1);
    });
    if (chosen >= from && chosen < to)
      add("rect", { class: "cursor", x: x(chosen), y: y(data.lane[chosen]) + 2, width: Math.max(unit, 3), height: LANE - 6, rx: 2 });
    const ticks = Math.max(Math.floor(width / 130), 2);
    for (let tick = 0; tick < ticks; tick++) {
      const row = Math.floor(from + (size * tick) / ticks);
      add("text", { class: "axis", x: x(row), y: height - 4 }, `step ${step[row].toLocaleString("en")}`);
    }
    svg.replaceChildren(...parts);
    slider.max = count - size;
    slider.value = from;
    slider.style.visibility = size < count ? "visible" : "hidden";
    at.textContent = describe(chosen);
  }

  const actions = {
    in: () => zoom(0.5, chosen >= from && chosen < to ? chosen : undefined), out: () => zoom(2),
    left: () => view(from - (to - from) / 2, to - (to - from) / 2), right: () => view(from + (to - from) / 2, to + (to - from) / 2),
    all: () => view(0, count), end: () => { chosen = count - 1; view(count - 120, count); },
  };
  const besides = (way, wanted) => {
    let row = chosen + way;
    while (row >= 0 && row < count && !wanted(row)) row += way;
    if (row >= 0 && row < count) choose(row);
  };
  const keys = {
    ArrowLeft: (shift) => besides(-1, (row) => !shift || data.moments.some((moment) => moment.row === row)),
    ArrowRight: (shift) => besides(1, (row) => !shift || data.moments.some((moment) => moment.row === row)),
    ArrowUp: () => besides(-1, (row) => data.lane[row] === data.lane[chosen]),
    ArrowDown: () => besides(1, (row) => data.lane[row] === data.lane[chosen]),
    "+": actions.in, "=": actions.in, "-": actions.out, Home: actions.all, End: actions.end,
    Enter: () => data.lanes[data.lane[chosen]].target && show(data.lanes[data.lane[chosen]].target),
  };
  svg.addEventListener("keydown", (event) => {
    if (!keys[event.key] || event.ctrlKey || event.altKey || event.metaKey) return;
    keys[event.key](event.shiftKey);
    event.preventDefault();
  });
  place.addEventListener("click", (event) => actions[event.target.dataset.do]?.());
  slider.addEventListener("input", () => view(Number(slider.value), Number(slider.value) + to - from));
  svg.addEventListener("wheel", (event) => {
    const sideways = event.shiftKey ? event.deltaY : event.deltaX;
    const row = from + ((event.clientX - svg.getBoundingClientRect().left) / svg.clientWidth) * (to - from);
    if (event.ctrlKey) zoom(event.deltaY > 0 ? 1.25 : 0.8, row);
    else if (sideways) view(from + Math.sign(sideways) * Math.ceil((to - from) / 12), to + Math.sign(sideways) * Math.ceil((to - from) / 12));
    else return;
    event.preventDefault();
  }, { passive: false });

  // One pointer pulls the lanes along or chooses a step, two zoom.
  const pointers = new Map();
  let pulled = 0;
  svg.addEventListener("pointerdown", (event) => {
    pointers.set(event.pointerId, event.clientX);
    if (pointers.size === 1) pulled = 0;
  });
  svg.addEventListener("pointermove", (event) => {
    const last = pointers.get(event.pointerId);
    if (last === undefined) return;
    const unit = svg.clientWidth / (to - from), distance = event.clientX - last;
    if (pointers.size === 2) {
      const other = [...pointers].find(([pointer]) => pointer !== event.pointerId)[1];
      const factor = Math.abs(last - other) / Math.max(Math.abs(event.clientX - other), 1);
      if (Math.abs(distance) > 4) { zoom(factor); pointers.set(event.pointerId, event.clientX); pulled = 100; }
    } else if (Math.abs(distance) >= Math.max(unit, 4)) {
      const rows = Math.round(distance / unit);
      pulled += Math.abs(distance);
      view(from - rows, to - rows);
      pointers.set(event.pointerId, last + rows * unit);
      if (!svg.hasPointerCapture(event.pointerId)) svg.setPointerCapture(event.pointerId);
    }
  });
  for (const end of ["pointerup", "pointercancel"])
    svg.addEventListener(end, (event) => {
      pointers.delete(event.pointerId);
      if (end === "pointerup" && pulled < 4) {
        const box = svg.getBoundingClientRect();
        choose(event.target.dataset.row ? Number(event.target.dataset.row) : nearest(event.clientX - box.left, event.clientY - box.top));
      }
    });
  // The step at that place: of the lane that was touched, if one is near.
  function nearest(x, y) {
    const row = Math.min(Math.max(Math.floor(from + (x / svg.clientWidth) * (to - from)), from), to - 1);
    const lane = Math.floor((y - TOP) / LANE);
    for (let distance = 0; distance * (svg.clientWidth / (to - from)) < 12; distance++)
      for (const near of [row - distance, row + distance])
        if (near >= from && near < to && data.lane[near] === lane) return near;
    return row;
  }

  place.goTo = (number) => {
    const row = step.findIndex((value) => value >= number);
    chosen = row < 0 ? count - 1 : row;
    view(chosen - 40, chosen + 40);
  };
  new ResizeObserver(draw).observe(svg);
  draw();
}

for (const place of document.querySelectorAll(".lanes"))
  lanes(place, JSON.parse(document.getElementById(`${place.id}-data`).textContent));
