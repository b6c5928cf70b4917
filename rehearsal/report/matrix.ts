import { outcomeOf, type RehearsalRecord } from '../evidence/record.ts';

const HEADING = `# How drains end, operator by operator

A line is a scenario, a column a profile. The operators are models; \`npm run rehearse -- --profile NAME --scenario NAME\` plays
one of them again. A dash: the scenario does not go with that profile.

`;

/** How each scenario ended for each profile, as a page in Markdown. The names of the records are `PROFILE/SCENARIO`. */
export function matrixOf(records: readonly RehearsalRecord[]): string {
  const cells = records.map((record) => {
    const [profile = '', scenario = ''] = record.scenario.name.split('/');
    return { profile, scenario, title: record.scenario.title, text: endOf(record) };
  });
  const profiles = [...new Set(cells.map(({ profile }) => profile))];
  const scenarios = [...new Map(cells.map(({ scenario, title }) => [scenario, title]))];
  const rows = scenarios.map(([scenario, title]) => [
    `${title} (\`${scenario}\`)`,
    ...profiles.map((profile) => textAt(cells, profile, scenario)),
  ]);
  const head = ['', ...profiles.map((profile) => `\`${profile}\``)];
  return HEADING + [head, head.map(() => '---'), ...rows].map((row) => `| ${row.join(' | ')} |\n`).join('');
}

function endOf(record: RehearsalRecord): string {
  const { scenario, checks } = record;
  const outcome = outcomeOf(record);
  if (outcome === 'safe') return scenario.ends ?? 'safe';
  const [problem = 'nothing was checked'] = checks.flatMap(({ problems }) => problems);
  return `**${outcome === 'unsafe' ? 'NOT SAFE' : 'NOT PROVEN'}**: ${problem.replaceAll('|', '\\|')}`;
}

/** A dash for a scenario that does not go with that profile. */
const textAt = (
  cells: readonly { readonly profile: string; readonly scenario: string; readonly text: string }[],
  profile: string,
  scenario: string,
) => cells.find((cell) => cell.profile === profile && cell.scenario === scenario)?.text ?? '–';
