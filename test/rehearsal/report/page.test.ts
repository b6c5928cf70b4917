import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { describe, it } from 'node:test';
import type { RehearsalRecord } from '../../../rehearsal/evidence/record.ts';
import { html } from '../../../rehearsal/report/html.ts';
import { reportOf } from '../../../rehearsal/report/page.ts';
import { aRecord } from './a-record.ts';

const EVIL = `<script>alert("1")</script>'&\0`;
const ESCAPED = '&lt;script&gt;alert(&quot;1&quot;)&lt;/script&gt;&#39;&amp;\ufffd';

/** Every text of a value replaced. */
function replaced<T>(value: T, by: string): T {
  if (typeof value === 'string') return by as T;
  if (Array.isArray(value)) return value.map((one) => replaced(one, by)) as T;
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([key, one]) => [key, replaced(one, by)])) as T;
}

describe('html', () => {
  it('escapes text, keeps markup, joins lists, and leaves nothing out', () => {
    assert.equal(
      html`<i>${'<&>"\''}</i>${html`<b>${0}</b>`}${['a', html`<u/>`]}${undefined}${false}`.text,
      '<i>&lt;&amp;&gt;&quot;&#39;</i><b>0</b>a<u/>',
    );
  });
});

describe('the report', () => {
  it('escapes every text of a record', () => {
    const page = reportOf([replaced(aRecord(), EVIL), replaced(aRecord(), EVIL)]);
    assert.ok(page.includes(ESCAPED));
    assert.equal(page.includes('<script>alert'), false);
    assert.equal(page.includes('\0'), false);
    assert.equal(page.match(/<script/g)?.length, 1);
  });

  it('lets nothing be loaded or run but its own style and script', () => {
    const page = reportOf([aRecord()]);
    const inside = (tag: string) => new RegExp(`<${tag}>([\\s\\S]*)</${tag}>`).exec(page)?.[1] ?? '';
    const hash = (text: string) => `&#39;sha256-${createHash('sha256').update(text).digest('base64')}&#39;`;
    const policy = /Content-Security-Policy" content="([^"]*)"/.exec(page)?.[1];
    assert.equal(
      policy,
      `default-src &#39;none&#39;; style-src ${hash(inside('style'))}; script-src ${hash(inside('script'))}; base-uri &#39;none&#39;; form-action &#39;none&#39;`,
    );
    assert.equal(/\b(?:src|href)="(?!#)/.test(page), false);
    assert.equal(/\bstyle="|\bon\w+="|url\((?!#)|@import/.test(page), false);
  });

  it('says what failed, and why', () => {
    const checks = [{ what: 'no pod was evicted', holds: false, problems: ['cb-0000 was evicted'] }];
    const page = reportOf([aRecord({}, { holds: false, checks })]);
    assert.match(page, /<title>Not safe: A drain<\/title>/);
    assert.match(page, /0 of 1 check hold/);
    assert.match(page, /fails: <\/span><a href="#r1-log">no pod was evicted<\/a><ul><li>cb-0000 was evicted<\/li>/);
  });

  it('says in its first sentence what came of it', () => {
    const said = (record: RehearsalRecord) => /<p class="result">(.*?)<\/p>/.exec(reportOf([record]))?.[1];
    assert.equal(
      said(aRecord({ drained: 2, members: 6 })),
      'node-1 drained in 35 s; cb-0000 moved to node-2, cb-0001 to node-3; never fewer than 5 of 6 ready.',
    );
    assert.equal(
      said(aRecord({ drained: 5, members: 6 })),
      'node-1 drained in 1 min 5 s; 5 pods moved; never fewer than 5 of 6 ready.',
    );
    const [drain] = aRecord().drains;
    assert.ok(drain);
    const { endedMs: _, result: __, ...begun } = drain;
    const failing = { ...drain, result: 'exit code 1' };
    assert.match(
      said(aRecord({}, { drains: [failing] })) ?? '',
      /^The drain of node-1 ended after 25 s: exit code 1; /,
    );
    assert.match(said(aRecord({}, { drains: [begun] })) ?? '', /^The drain of node-1 had not ended after 30 s; /);
    const checks = [{ what: 'no pod was evicted', holds: false, problems: ['cb-0000 was evicted', 'so was cb-0001'] }];
    assert.match(
      said(aRecord({}, { holds: false, checks })) ?? '',
      /^cb-0000 was evicted \(and 1 more problem\); node-1/,
    );
    const swapped = aRecord().pods.filter(({ uid }) => uid !== 'cb-0000-second');
    assert.match(said(aRecord({}, { pods: swapped })) ?? '', /; cb-0000 left node-1; /);
  });

  it('leads from each check to what shows it', () => {
    const parts = ['figures', 'timeline', 'instances', 'nodes', 'ready', 'log'] as const;
    const checks = parts.map((shownIn) => ({ what: `see ${shownIn}`, holds: true, problems: [], shownIn }));
    const page = reportOf([aRecord({}, { checks })]);
    for (const part of parts) {
      assert.ok(page.includes(`<a href="#r1-${part}">see ${part}</a>`), part);
      assert.equal(page.split(` id="r1-${part}"`).length, 2, part);
    }
  });

  it('draws what stands still, what is stopped, and refusals that overlap', () => {
    const of = (record: RehearsalRecord) => reportOf([record]).split('<body>')[1] ?? '';
    const ticks = (times: number[]) => {
      const [pod, ...others] = aRecord().pods;
      assert.ok(pod);
      const page = of(aRecord({}, { pods: [{ ...pod, marks: { refused: times } }, ...others] }));
      return [
        ...(/<path class="sign refused" d="(M[^"]*)"\/><\/?[gr]/.exec(page)?.[1] ?? '').matchAll(/v([\d.]+)/g),
      ].map(([, v]) => Number(v));
    };
    assert.deepEqual(ticks([5_000, 15_000]), [6.3, 6.3]);
    assert.deepEqual(ticks([5_000, 5_001, 15_000]), [8.1, 6.3]);
    assert.deepEqual(ticks([5_000, 5_001, 5_002, 5_003]), [9.9]);
    assert.match(of(aRecord()), /<path class="sign stalled"/);
    assert.match(of(aRecord()), /<title>cb-0000 on node-1, 2 evictions refused<\/title>/);
    const said = (afterMs: number, what: string) => ({ afterMs, who: 'rehearsal', what });
    const log = [
      said(6_000, 'stops the hook'),
      said(12_000, 'has started the hook'),
      said(15_000, 'stops the API server'),
    ];
    const away = [
      ...of(aRecord({}, { log })).matchAll(
        /<rect class="phase away" x="([\d.]+)"[^>]* width="([\d.]+)"[^>]*><title>(.*?)</g,
      ),
    ];
    assert.deepEqual(
      away.map(([, ...rest]) => rest),
      [
        ['304', '200', 'the hook is stopped'],
        ['604', '500', 'the API server is stopped'],
      ],
    );
  });

  it('folds safe rehearsals if there are several', () => {
    const page = reportOf([aRecord(), aRecord({}, { holds: false })]);
    const folds = [...page.matchAll(/<details( open)?>\s*<summary><div class="head">/g)].map(([, open]) => open);
    assert.deepEqual(folds, [undefined, ' open']);
    assert.equal(/<summary><div class="head">/.test(reportOf([aRecord()])), false);
  });

  it('ends with the command, and each rehearsal with versions and settings', () => {
    const page = reportOf([aRecord({}, { settings: { members: '3', STALL_AFTER: '2s' } })], "rehearse '<x>'");
    assert.match(page, /<footer class="bottom">Made by <code>rehearse &#39;&lt;x&gt;&#39;<\/code><\/footer>/);
    assert.match(
      page,
      /2026-01-02 03:04:05 UTC · Kubernetes v1\.36\.3<br>Settings: <code>members=3 STALL_AFTER=2s<\/code>/,
    );
  });

  it('has an index where there are several, and every id once', () => {
    const page = reportOf([aRecord(), aRecord({}, { holds: false })]);
    assert.match(page, /<title>1 of 2 drain rehearsals safe<\/title>/);
    assert.match(page, /<a href="#r2">/);
    const ids = [...page.matchAll(/\sid="([^"]*)"/g)].map(([, id]) => id);
    assert.equal(new Set(ids).size, ids.length);
    const known = [...page.matchAll(/(?:aria-labelledby="|url\(#|href="#)([^")]*)/g)].flatMap(([, one = '']) =>
      one.split(' '),
    );
    assert.deepEqual(
      known.filter((one) => !ids.includes(one)),
      [],
    );
  });

  it('tells in tables what the drawing shows', () => {
    const page = reportOf([aRecord()]);
    const row = /<th scope="row">cb-0000<\/th>(.*)<\/tr>/.exec(page)?.[1]?.replaceAll(/<[^>]*>/g, '|');
    assert.match(
      row ?? '',
      /node-1\|+before\|+before\|+0:10\.0\|+marked by the hook 0:00\.4; eviction refused 2 times, 0:05\.0 to 0:10\.0; stalled: its operator does not act 0:06\.0; deleted by its operator 0:10\.0; drain released 0:11\.0/,
    );
    assert.match(page, /created by its operator 0:12\.0; entry pruned 0:18\.0<\/td>/);
    assert.match(
      page,
      /<th scope="row">node-1<\/th><td>0:00\.2 to the end<\/td><td>0:00\.0 to 0:25\.0, exit code 0<\/td>/,
    );
    assert.match(page, /<th scope="row">0:10\.0<\/th><td>2<\/td><td>3<\/td>/);
  });

  it('stays small for 200 pods', () => {
    const record: RehearsalRecord = aRecord({ nodes: 10, members: 200, drained: 60 });
    assert.ok(reportOf([record]).length < 600_000);
  });

  it('can be made of a record in which nothing happened', () => {
    const empty = {
      drains: [],
      nodes: [],
      pods: [],
      availability: [],
      log: [],
      checks: [],
      figures: [],
      durationMs: 0,
    };
    assert.equal(
      /NaN|Infinity|undefined/.test(reportOf([aRecord({}, empty)]).replaceAll(/<(script|style)>[\s\S]*?<\/\1>/g, '')),
      false,
    );
  });
});
