import { type Chart, drawChart, escapeText, type Series } from './chart.ts';
import { rowsOf } from './heap/comparison.ts';
import type { ReplicaName, ReplicaSample, Round, SoakRecord } from './record.ts';
import { type Finding, SNAPSHOT_SHARE } from './verdict.ts';

const COLOURS: Readonly<Record<ReplicaName, string>> = { steady: '#0b62a4', restarted: '#c77700' };

/** The whole report as one HTML file that needs nothing else. */
export function drawPage(record: SoakRecord, findings: readonly Finding[]): string {
  const problems = [...record.rounds.flatMap((round) => round.problems), ...record.problems];
  return `<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>Soak of the reschedule hook</title>
<style>body{font:14px sans-serif;max-width:960px;margin:2em auto}svg{width:100%;font-size:11px}
td,th{text-align:left;padding:2px 12px 2px 0}.bad{color:#b00020;font-weight:bold}</style></head><body>
<h1>Soak: ${outcomeOf(record, findings)}</h1>
<p>${(record.durationMs / 60_000).toFixed(1)} minutes, ${record.rounds.length} rounds, each with a drain for each of
three operators; two replicas. The steady one was never restarted; its growth is judged in the second half of what comes before
the first heap snapshot. It loaded a new certificate ${record.renewals} times, and ${record.authorities} authorities took the place of others. ${spellsOf(record)}</p>
<table><tr><th>what</th><th>value</th><th>wanted</th></tr>
${findings.map(({ what, value, wanted, isGood: good }) => row([what, value, wanted], good)).join('\n')}</table>
${problems.length === 0 ? '' : `<ul>${problems.map((one) => `<li class="bad">${escapeText(one)}</li>`).join('')}</ul>`}
${chartsOf(record).map(drawChart).join('\n')}
<h2>By fault</h2>
<table><tr><th>fault</th><th>rounds</th><th>pods moved</th><th>median, longest round</th><th>answers</th></tr>
${faultRows(record.rounds).join('\n')}</table>
${heapOf(record)}</body></html>
`;
}

function outcomeOf({ unfinished }: SoakRecord, findings: readonly Finding[]): string {
  if (unfinished !== undefined) return `<span class="bad">not finished, ${unfinished}</span>`;
  return findings.every(({ isGood }) => isGood)
    ? '<span class="good">passed</span>'
    : '<span class="bad">FAILED</span>';
}

function spellsOf({ spells }: SoakRecord): string {
  const byName = [...Map.groupBy(spells, ({ name }) => name)];
  const minutes = byName.map(([name, some]) => {
    const ms = some.reduce((sum, { fromMs, toMs }) => sum + toMs - fromMs, 0);
    return `${name} for ${(ms / 60_000).toFixed(1)} minutes`;
  });
  return minutes.length === 0 ? '' : `There were ${minutes.join(', ')}.`;
}

function heapOf({ heap }: SoakRecord): string {
  if (heap === undefined) return '';
  const rows = rowsOf(heap).map((cells) => row(cells, true));
  return `<h2>What grew in the heap of the steady replica</h2>
<p>From ${100 * SNAPSHOT_SHARE} % of the time to the end, by constructor: numbers, and bytes of the objects themselves.</p>
<table><tr><th>kind</th><th>objects</th><th>bytes</th><th>growth</th></tr>
${rows.join('\n')}</table>`;
}

/** One line a fault: how many drains, pods, how long, and the answers to evictions by code. */
export function faultRows(rounds: readonly Round[]): string[] {
  return [...Map.groupBy(rounds, ({ fault }) => fault)].map(([fault, some]) => {
    const seconds = some.map(({ drainedMs }) => drainedMs / 1000).sort((a, b) => a - b);
    const times = `${seconds[Math.floor(seconds.length / 2)]?.toFixed(1)} s, ${seconds.at(-1)?.toFixed(1)} s`;
    const pods = some.reduce((sum, round) => sum + round.pods, 0);
    const counts = new Map<string, number>();
    for (const { answers } of some) {
      for (const [code, count] of Object.entries(answers)) counts.set(code, (counts.get(code) ?? 0) + count);
    }
    const answers = [...counts].map(([code, count]) => `${count} × ${code === '0' ? 'none' : code}`).join(', ');
    return row([fault, String(some.length), String(pods), times, answers], true);
  });
}

function chartsOf(record: SoakRecord): Chart[] {
  const { durationMs, samples, rounds } = record;
  const both = (key: keyof ReplicaSample): Series[] =>
    (['steady', 'restarted'] as const).map((name) => ({
      name,
      colour: COLOURS[name],
      points: samples.flatMap(({ atMs, replicas }) => {
        const y = replicas[name]?.[key];
        return y === undefined || !Number.isFinite(y) ? [] : [{ x: atMs, y }];
      }),
    }));
  const one = (name: string, points: Series['points']): Series[] => [{ name, colour: '#333', points }];
  const endOf = ({ startedMs, drainedMs }: Round) => startedMs + drainedMs;
  return [
    { title: 'Resident memory', unit: 'MB', series: both('rssMb'), durationMs },
    { title: 'Heap used', unit: 'MB', series: both('heapMb'), durationMs },
    { title: 'Memory outside of the heap', unit: 'MB', series: both('externalMb'), durationMs },
    { title: 'Open files and sockets', unit: '', series: both('fds'), durationMs },
    { title: 'Active handles', unit: '', series: both('handles'), durationMs },
    { title: 'Timers', unit: '', series: both('timers'), durationMs },
    { title: 'Event loop, 99th percentile of its lag', unit: 'ms', series: both('lagP99Ms'), durationMs },
    { title: 'Age of the cache', unit: 's', series: both('cacheAgeS'), durationMs },
    {
      title: 'Entries',
      unit: '',
      series: one(
        '',
        samples.flatMap(({ atMs, entries }) => (entries === undefined ? [] : [{ x: atMs, y: entries }])),
      ),
      durationMs,
    },
    {
      title: 'Rounds done',
      unit: '',
      series: one(
        '',
        rounds.map((round, i) => ({ x: endOf(round), y: i + 1 })),
      ),
      durationMs,
    },
    {
      title: 'Most moves of a pod in one drain',
      unit: '',
      series: one(
        '',
        rounds.map((round) => ({ x: endOf(round), y: round.mostMoves })),
      ),
      durationMs,
      dots: true,
    },
  ];
}

function row(cells: readonly string[], isGood: boolean): string {
  return `<tr${isGood ? '' : ' class="bad"'}>${cells.map((cell) => `<td>${escapeText(cell)}</td>`).join('')}</tr>`;
}
