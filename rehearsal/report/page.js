// What makes a report answer to the pointer and the keyboard. Everything it shows is in the page already.
for (const section of document.querySelectorAll('.rehearsal')) enliven(section);

function enliven(section) {
  const drawing = section.querySelector('.drawing');
  const range = section.querySelector('.scrub');
  const lines = [...section.querySelectorAll('.lines tbody tr')].map((row) => ({
    row,
    at: row.dataset.at.split(' ').map(Number),
    text: row.textContent.toLowerCase(),
  }));
  const moments = [...new Set([0, ...lines.flatMap(({ at }) => at), Number(range.max)])].sort((a, b) => a - b);
  const show = showing(section, drawing, range, lines);
  const step = (by) => {
    const now = Number(range.value);
    show(by > 0 ? moments.find((at) => at > now) : moments.findLast((at) => at < now));
  };

  range.step = 'any';
  for (const hidden of section.querySelectorAll('[hidden]')) hidden.hidden = false;
  range.addEventListener('input', () => show(Number(range.value)));
  range.addEventListener('keydown', (event) => {
    const by = { ArrowRight: 1, ArrowUp: 1, ArrowLeft: -1, ArrowDown: -1 }[event.key];
    if (by === undefined || event.ctrlKey || event.metaKey || event.altKey) return;
    event.preventDefault();
    step(by);
  });
  for (const button of section.querySelectorAll('.step')) {
    button.addEventListener('click', () => step(Number(button.value)));
  }
  drawing.addEventListener('pointermove', (event) => show(timeAt(drawing, event)));
  for (const { row, at } of lines) row.addEventListener('click', () => show(at[0]));
  filtering(section, drawing, lines);
  show(0);
}

/** The moment under the pointer. */
function timeAt(drawing, event) {
  const { left, right, width, duration } = drawing.dataset;
  const box = drawing.getBoundingClientRect();
  const x = ((event.clientX - box.left) / box.width) * Number(width);
  const part = (x - Number(left)) / (Number(right) - Number(left));
  return Math.min(1, Math.max(0, part)) * Number(duration);
}

/** Makes the function that shows one moment: the line in the drawing, what was available, and the line of the log. */
function showing(section, drawing, range, lines) {
  const { left, right, duration } = drawing.dataset;
  const availability = JSON.parse(drawing.dataset.availability);
  const cursor = drawing.querySelector('.cursor');
  const output = section.querySelector('.moment output');
  const box = section.querySelector('.lines');
  let current;
  return (ms) => {
    if (ms === undefined) return;
    const x = Number(left) + (ms / Math.max(1, Number(duration))) * (Number(right) - Number(left));
    cursor.setAttribute('x1', x);
    cursor.setAttribute('x2', x);
    cursor.setAttribute('visibility', 'visible');
    const line = latest(lines, ms);
    if (line !== current) {
      current?.row.removeAttribute('aria-current');
      current = line;
      if (line !== undefined) {
        line.row.setAttribute('aria-current', 'time');
        // Not scrollIntoView, which would move the page too.
        box.scrollTop = line.row.offsetTop - box.clientHeight / 2;
      }
    }
    const ready = availability.map(({ cluster, points }) => {
      const point = points.findLast(({ afterMs }) => afterMs <= ms) ?? points[0];
      return `${cluster}: ${point.ready} of ${point.wanted} ready`;
    });
    const said = line === undefined ? [] : [sayingOf(line.row)];
    const text = [clock(ms), ...ready, ...said].join(' · ');
    output.textContent = text;
    range.value = ms;
    range.setAttribute('aria-valuetext', text);
  };
}

/** The line that was said last at that moment, among those that are shown. */
function latest(lines, ms) {
  let found;
  let foundAt = -1;
  for (const line of lines) {
    const at = line.row.hidden ? undefined : line.at.findLast((one) => one <= ms);
    if (at !== undefined && at >= foundAt) {
      found = line;
      foundAt = at;
    }
  }
  return found;
}

function sayingOf(row) {
  const what = row.querySelector('.what').firstChild?.textContent ?? '';
  return [`${row.dataset.who}:`, what.trim(), row.dataset.pod].filter(Boolean).join(' ');
}

function clock(ms) {
  const tenths = Math.round(ms / 100);
  const seconds = String(Math.floor(tenths / 10) % 60).padStart(2, '0');
  return `${Math.floor(tenths / 600)}:${seconds}.${tenths % 10}`;
}

/** The filter of the log, and a click on a pod, which filters by it. */
function filtering(section, drawing, lines) {
  const form = section.querySelector('.filter');
  const { text, pod } = form.elements;
  const found = form.querySelector('.found');
  const apply = () => {
    const who = new Set([...form.querySelectorAll('[name=who]:checked')].map(({ value }) => value));
    const wanted = text.value.trim().toLowerCase();
    let count = 0;
    for (const line of lines) {
      const { dataset } = line.row;
      const fits =
        who.has(dataset.who) && (pod.value === '' || dataset.pod === pod.value) && line.text.includes(wanted);
      line.row.hidden = !fits;
      if (fits) count += 1;
    }
    found.textContent = `${count} of ${lines.length} lines`;
    drawing.classList.toggle('chosen', pod.value !== '');
    for (const bar of drawing.querySelectorAll('.pod'))
      bar.classList.toggle('is-chosen', bar.dataset.pod === pod.value);
  };
  form.addEventListener('input', apply);
  form.addEventListener('submit', (event) => event.preventDefault());
  form.addEventListener('keydown', (event) => {
    if (event.key !== 'Escape') return;
    form.reset();
    apply();
  });
  drawing.addEventListener('click', (event) => {
    const name = event.target.closest('.pod')?.dataset.pod ?? '';
    const isKnown = [...pod.options].some(({ value }) => value === name);
    pod.value = isKnown && pod.value !== name ? name : '';
    apply();
  });
  apply();
}

// Browsers that do not unfold by style when they print.
const folded = [...document.querySelectorAll('details')];
let unfolded = [];
addEventListener('beforeprint', () => {
  unfolded = folded.filter(({ open }) => !open);
  for (const one of unfolded) one.open = true;
});
addEventListener('afterprint', () => {
  for (const one of unfolded) one.open = false;
});
