import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { pathToFileURL } from 'node:url';
import type { RehearsalRecord } from '../../rehearsal/evidence/record.ts';
import { reportOf } from '../../rehearsal/report/page.ts';
import { SIGNS } from '../../rehearsal/report/words.ts';
import { Chromium } from '../../testkit/browser/chromium.ts';
import type { Page, View } from '../../testkit/browser/page.ts';
import { aRecord } from '../rehearsal/report/a-record.ts';

const AXE = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf-8');
const WIDE = { width: 1280, height: 900 };
const NARROW = { width: 360, height: 700 };
/** What is printed on, of A4 lying on its side, in CSS pixels. */
const PAPER = { width: 1040, height: 710 };
const FAILED = { holds: false, checks: [{ what: 'no pod was evicted', holds: false, problems: ['cb-0 was evicted'] }] };

let browser: Chromium;
let folder: string;

before(async () => {
  folder = mkdtempSync(join(tmpdir(), 'rehearsal-report-'));
  browser = await Chromium.start();
});

after(async () => {
  await browser?.stop();
  rmSync(folder, { recursive: true });
});

let pages = 0;

async function opened(records: readonly RehearsalRecord[], view: View = WIDE, options = {}): Promise<Page> {
  const file = join(folder, `${++pages}.html`);
  writeFileSync(file, reportOf(records));
  return browser.open(pathToFileURL(file).href, view, options);
}

const shown = (page: Page) =>
  page.evaluate<number>(`document.querySelectorAll('.lines tbody tr:not([hidden])').length`);
const moment = (page: Page) => page.evaluate<string>(`document.querySelector('.scrub').getAttribute('aria-valuetext')`);

describe('the report in a browser', () => {
  it('asks for nothing but itself, and breaks no rule of its own', async () => {
    const page = await opened([aRecord(), aRecord({}, FAILED)]);
    assert.deepEqual(page.complaints, []);
    assert.equal(page.requests.length, 1);
  });

  it('runs nothing that comes from outside', async () => {
    const evil = `<img src=x onerror="window.ran=1"><script>window.ran=1</script>`;
    const log = [{ afterMs: 1, who: 'hook', what: evil, pod: evil, node: evil, detail: evil }];
    const page = await opened([aRecord({}, { log, scenario: { name: evil, title: evil, about: evil } })]);
    assert.equal(await page.evaluate('window.ran ?? 0'), 0);
    assert.equal(await page.evaluate('document.images.length'), 0);
    assert.equal(await page.evaluate(`document.querySelector('h2').textContent`), evil);
    assert.deepEqual(page.complaints, []);
  });

  for (const view of [WIDE, NARROW]) {
    for (const scheme of ['light', 'dark'] as const) {
      it(`is accessible when ${scheme} and ${view.width} wide`, async () => {
        const page = await opened([aRecord(), aRecord({}, FAILED)], { ...view, scheme });
        await page.evaluate(`for (const one of document.querySelectorAll('details')) one.open = true`);
        await page.evaluate(AXE);
        const found = await page.evaluate<string[]>(
          `axe.run().then(({ violations }) => violations.flatMap(({ id, nodes }) => nodes.map(({ html }) => id + ': ' + html)))`,
        );
        assert.deepEqual(found, []);
      });

      it(`has contrast enough in its drawing when ${scheme} and ${view.width} wide`, async () => {
        const page = await opened([aRecord()], { ...view, scheme });
        const faint = await page.evaluate<string[]>(`(${faintIn})()`);
        assert.deepEqual(faint, []);
      });
    }
  }

  it('fits a phone: only what is wider scrolls, by itself', async () => {
    for (const width of [320, 390]) {
      const page = await opened([aRecord(), aRecord({}, FAILED)], { ...NARROW, width });
      assert.equal(await page.evaluate('document.documentElement.scrollWidth'), width);
      const sizes = `[...document.querySelectorAll('.drawing text')].map((text) =>
        parseFloat(getComputedStyle(text).fontSize) * text.getScreenCTM().a)`;
      const least = Math.min(...(await page.evaluate<number[]>(sizes)));
      assert.ok(least >= 10, `a text of the drawing is ${least} px high`);
    }
  });

  it('is led through by the keyboard: moment after moment, with the line that was said then', async () => {
    const page = await opened([aRecord()]);
    for (let i = 0; i < 10 && !(await page.evaluate(`document.activeElement.matches('.scrub')`)); i++) {
      await page.press('Tab');
    }
    assert.match(await moment(page), /^0:00\.0 · cb: 3 of 3 ready$/);
    await page.press('ArrowRight');
    assert.match(await moment(page), /^0:00\.2 .* kubectl: node\/node-1 cordoned$/);
    for (let i = 0; i < 3; i++) await page.press('ArrowRight');
    assert.match(await moment(page), /^0:10\.0 · cb: 2 of 3 ready/);
    await page.press('ArrowLeft');
    assert.match(await moment(page), /^0:05\.0 .* hook: Pod waiting cb-0000$/);
    const current = `document.querySelector('.lines [aria-current]').textContent`;
    assert.match(await page.evaluate<string>(current), /Pod waiting/);
    await page.press('End');
    assert.match(await moment(page), /^0:30\.0 /);
    assert.equal(await page.evaluate(`document.querySelector('.moment output').textContent`), await moment(page));
  });

  it('filters the log as one types, and shows all again after Escape', async () => {
    const page = await opened([aRecord()]);
    const all = await shown(page);
    await page.evaluate(`document.querySelector('[name=text]').focus()`);
    await page.type('CORDONED');
    assert.equal(await shown(page), 1);
    assert.equal(await page.evaluate(`document.querySelector('.found').textContent`), `1 of ${all} lines`);
    await page.press('Escape');
    assert.equal(await shown(page), all);
    await page.evaluate(`document.querySelector('[value=hook]').focus()`);
    await page.press('Space');
    assert.equal(await page.evaluate(`document.querySelectorAll('.lines tr[data-who=hook]:not([hidden])').length`), 0);
    assert.notEqual(await shown(page), 0);
  });

  it('shows the moment under the pointer, and the log of the pod that is clicked', async () => {
    const page = await opened([aRecord()]);
    const [x = 0, y = 0] = await page.evaluate<number[]>(`(() => {
      const bar = document.querySelector('.pod[data-pod=cb-0000] .waiting');
      bar.scrollIntoView({ block: 'center', behavior: 'instant' });
      const { left, right, top, bottom } = bar.getBoundingClientRect();
      return [(left + right) / 2, (top + bottom) / 2];
    })()`);
    await page.point(x, y, { click: true });
    assert.match(await moment(page), /^0:05\.\d .* hook: Pod waiting cb-0000$/);
    const others = `document.querySelectorAll('.lines tr[data-at]:not([hidden]):not([data-pod=cb-0000])').length`;
    assert.equal(await page.evaluate(others), 0);
    assert.equal(await page.evaluate(`document.querySelector('[name=pod]').value`), 'cb-0000');
    await page.point(x, y, { click: true });
    assert.equal(await page.evaluate(`document.querySelector('[name=pod]').value`), '');
  });

  it('keeps each rehearsal to itself', async () => {
    const page = await opened([aRecord({}, FAILED), aRecord({}, FAILED)]);
    await page.evaluate(`document.querySelectorAll('[name=text]')[1].focus()`);
    await page.type('cordoned');
    const counts = `[...document.querySelectorAll('.lines')].map((one) => one.querySelectorAll('tbody tr:not([hidden])').length)`;
    assert.deepEqual(await page.evaluate(counts), [(await shown(page)) - 1, 1]);
  });

  for (const isScriptOff of [false, true]) {
    it(`prints whole, what is folded too, ${isScriptOff ? 'without' : 'with'} its script`, async () => {
      const page = await opened([aRecord(), aRecord({}, FAILED)], WIDE, { isScriptOff });
      await page.asPrinted(PAPER);
      const cut = await page.evaluate<string[]>(`(${cutIn})()`);
      assert.deepEqual(cut, []);
      const lanes = `document.querySelectorAll('.printed').length`;
      assert.equal(await page.evaluate(lanes), 2 * (3 + 1));
      assert.match((await page.print()).toString('latin1', 0, 8), /^%PDF/);
    });
  }

  it('prints a piece for each lane, which no page break divides, with the letters of the drawing', async () => {
    const page = await opened([aRecord({ nodes: 10, members: 40 })]);
    await page.asPrinted(PAPER);
    const pieces = await page.evaluate<{ top: number; end: number; height: number; inside: string }[]>(`
      [...document.querySelectorAll('.printed')].map((one) => {
        const [, top, , height] = one.getAttribute('viewBox').split(' ').map(Number);
        return { top, end: top + height, height: one.getBoundingClientRect().height, inside: getComputedStyle(one).breakInside };
      })`);
    assert.equal(pieces.length, 11);
    const lanes = await page.evaluate<
      [number, number][]
    >(`[...document.querySelectorAll('.drawing .ground')].flatMap((one) =>
      one.closest('.lane') ? [[Number(one.getAttribute('y')), Number(one.getAttribute('y')) + Number(one.getAttribute('height'))]] : [])`);
    const divided = lanes.filter(([top, end]) => !pieces.some((piece) => piece.top <= top && end <= piece.end));
    assert.deepEqual(divided, []);
    assert.deepEqual(
      pieces.filter(({ height, inside }) => inside !== 'avoid' || height > PAPER.height),
      [],
    );
  });

  it('shows on a phone that the drawing goes on, and only where it does', async () => {
    const page = await opened([aRecord()], { width: 390, height: 844 });
    const hint = `document.querySelector('.sideways').checkVisibility()`;
    assert.equal(await page.evaluate(`(${fadesTo})('56px')`), '56px');
    assert.equal(await page.evaluate(hint), true);
    await page.evaluate(`document.querySelector('.stage').scrollLeft = 10_000`);
    assert.equal(await page.evaluate(`(${fadesTo})('0px')`), '0px');
    await page.show(WIDE);
    assert.equal(await page.evaluate(`(${fadesTo})('0px')`), '0px');
    assert.equal(await page.evaluate(hint), false);
  });

  it('folds what is safe, and unfolds what a link leads to', async () => {
    const page = await opened([aRecord(), aRecord(), aRecord({}, FAILED)]);
    const open = `[...document.querySelectorAll('.rehearsal > details')].map((one) => one.open)`;
    assert.deepEqual(await page.evaluate(open), [false, false, true]);
    await page.evaluate(`document.querySelector('.index a[href="#r2"]').click()`);
    assert.deepEqual(await page.evaluate(open), [false, true, true]);
  });

  it('draws no line over a name', async () => {
    const page = await opened([aRecord({ drained: 2, members: 6 })]);
    await page.evaluate(`document.querySelector('.scrub').focus()`);
    for (const key of ['End', 'Home']) {
      await page.press(key);
      assert.deepEqual(await page.evaluate(`(${crossedIn})()`), []);
    }
  });

  it('can be read without its script, and offers nothing then that would not work', async () => {
    const page = await opened([aRecord()], WIDE, { isScriptOff: true });
    assert.equal(await shown(page), aRecord().log.length);
    const offered = `[...document.querySelectorAll('input, button, select')].filter((one) => one.checkVisibility()).length`;
    assert.equal(await page.evaluate(offered), 0);
  });

  it('writes what was done to the cluster above the lanes, each text in a place of its own', async () => {
    const drains = [1, 2, 3].map((n) => ({
      node: `node-${n}`,
      drainer: 'kubectl drain',
      beganMs: n * 4_000,
      endedMs: n * 4_000 + 9_000,
      result: 'exit code 0',
    }));
    const log = [0, 1_000, 28_000, 30_000].map((afterMs) => ({
      afterMs,
      who: 'rehearsal',
      what: `the API server goes away at ${afterMs}`,
    }));
    const page = await opened([aRecord({}, { drains, log })]);
    const wrong = await page.evaluate<string[]>(`(() => {
      const drawing = document.querySelector('.drawing').getBoundingClientRect();
      const texts = [...document.querySelectorAll('text.flag')].map((one) => [one.textContent, one.getBoundingClientRect()]);
      const outside = texts.filter(([, box]) => box.left < drawing.left || box.right > drawing.right);
      const over = texts.filter(([, a], i) => texts.slice(i + 1).some(([, b]) =>
        a.left < b.right && b.left < a.right && a.top < b.bottom - 2 && b.top < a.bottom - 2));
      return [texts.length, ...[...outside, ...over].map(([text]) => text)];
    })()`);
    assert.deepEqual(wrong, [10]);
  });

  it('draws 200 pods, each in a place of its own', async () => {
    const page = await opened([aRecord({ nodes: 10, members: 200, drained: 40 })]);
    const overlapping = await page.evaluate<number>(`(() => {
      const boxes = [...document.querySelectorAll('.pod')].map((pod) => pod.querySelector('.phase').getBoundingClientRect());
      return boxes.filter((a, i) => boxes.slice(i + 1).some((b) =>
        a.left < b.right && b.left < a.right && a.top < b.bottom && b.top < a.bottom)).length;
    })()`);
    assert.equal(overlapping, 0);
    assert.equal(await page.evaluate(`document.querySelectorAll('.pod').length`), 241);
    assert.deepEqual(page.complaints, []);
  });
});

/** Runs in the page: how far the right edge of the drawing fades out, once it is that far, or after many frames. */
const fadesTo = `(wanted) => new Promise((resolve) => {
  let frames = 0;
  const look = () => {
    const fade = getComputedStyle(document.querySelector('.stage')).getPropertyValue('--fade');
    if (fade === wanted || ++frames > 300) resolve(fade);
    else requestAnimationFrame(look);
  };
  look();
})`;

/** Runs in the page: what a reader of the printed page would miss, because it is folded, clipped or faded. */
const cutIn = `() => {
  const named = (one) => one.className.baseVal ?? (one.className || one.tagName);
  const folded = [...document.querySelectorAll('td, th, .check, .legend li, .printed')].filter((one) => {
    const { width, height } = one.getBoundingClientRect();
    return width === 0 || height === 0 || !one.checkVisibility({ contentVisibilityAuto: true });
  });
  const clipped = [...document.querySelectorAll('.scroll')].filter((one) =>
    getComputedStyle(one).overflow !== 'visible' || one.scrollWidth > one.clientWidth + 1 || getComputedStyle(one).maskImage !== 'none');
  const wide = document.documentElement.scrollWidth > innerWidth ? ['the page is too wide'] : [];
  return [...[...folded, ...clipped].map(named), ...wide];
}`;

/** Runs in the page: the lines that touch a name, and are drawn over it or show between its letters. */
const crossedIn = `() => {
  const lines = [...document.querySelectorAll('.drawing :is(line.flag, .grid, .cursor, .move)')];
  return [...document.querySelectorAll('.drawing .name')].flatMap((name) => {
    const box = name.getBoundingClientRect();
    const behind = name.previousElementSibling.getBoundingClientRect();
    const isCovered = behind.left <= box.left && behind.right >= box.right - 1 && behind.top <= box.top + 2 && behind.bottom >= box.bottom - 2;
    return lines.filter((line) => {
      const { left, right, top, bottom } = line.getBoundingClientRect();
      const isThere = left <= box.right + 1 && right >= box.left - 1 && top < box.bottom && bottom > box.top;
      const isOver = (line.compareDocumentPosition(name) & Node.DOCUMENT_POSITION_FOLLOWING) === 0;
      return isThere && (isOver || !isCovered || left > behind.right || right < behind.left);
    }).map((line) => name.textContent + ' is crossed by ' + line.getAttribute('class'));
  });
}`;

/** Runs in the page: what of the drawing stands out less from what is behind it than WCAG AA asks. */
const faintIn = `() => {
  const SIGNS = ${JSON.stringify(Object.keys(SIGNS))};
  const rgb = (color) => color.match(/[\\d.]+/g).slice(0, 3).map(Number);
  const light = (color) => rgb(color)
    .map((c) => c / 255)
    .map((c) => (c <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4))
    .reduce((sum, c, i) => sum + c * [0.2126, 0.7152, 0.0722][i], 0);
  const contrast = (a, b) => {
    const [dark, bright] = [light(a), light(b)].sort((x, y) => x - y);
    return (bright + 0.05) / (dark + 0.05);
  };
  const of = (selector, property) => getComputedStyle(document.querySelector(selector))[property];
  const grounds = [of('.stage', 'backgroundColor'), of('.lane.even .ground', 'fill')];
  const wanted = [
    ...['.node', '.small', '.tick', 'text.flag', '.name', '.plain .name', '.least'].map((one) => [one, 'fill', 4.5]),
    ...['.running', '.phase.waiting', '.plain .phase'].map((one) => [one, 'fill', 3]),
    ...SIGNS.map((one) => ['.sign.' + one, 'stroke', 3]),
    ...['.after', 'path.ready', 'path.wanted', '.cursor', 'line.flag'].map((one) => [one, 'stroke', 3]),
    ...['.sign.marked', '.sign.released'].map((one) => [one, 'fill', 3]),
  ];
  // What is filled stands on a bar often, so its outline has to stand out from what it holds.
  const outlines = ['.sign.ready', '.sign.pruned'].flatMap((one) => {
    const found = contrast(of('.drawing ' + one, 'fill'), of('.drawing ' + one, 'stroke'));
    return found >= 3 ? [] : [one + ' has an outline of ' + found.toFixed(2)];
  });
  return [...outlines, ...wanted.flatMap(([selector, property, least]) => {
    const color = of('.drawing ' + selector, property);
    const found = Math.min(...grounds.map((ground) => contrast(color, ground)));
    return found >= least ? [] : [selector + ' ' + color + ' has ' + found.toFixed(2)];
  })];
}`;
