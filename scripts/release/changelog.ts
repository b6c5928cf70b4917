import { Refused } from '../refused.ts';

/** A version as tags and package.json have it, without the `v`. There are no pre-releases. */
const VERSION = /^(0|[1-9]\d*)\.(0|[1-9]\d*)\.(0|[1-9]\d*)$/;
const UNRELEASED = 'Unreleased';
/** What a patch may bring; anything else asks its reader to do something, or to look. */
const PATCHES: readonly string[] = ['Fixed', 'Security'];

/** The text below `## TITLE`, up to the next one of its level; `undefined` where there is no such section. */
export function sectionOf(changelog: string, title: string): string | undefined {
  const [, ...sections] = changelog.split(/^## /m);
  const found = sections.find((section) => section.slice(0, section.indexOf('\n')).trim() === title);
  return found?.slice(found.indexOf('\n')).trim();
}

/** What keeps a tag from being released: each as one clause. Empty if nothing does. */
export function problemsOf(tag: string, packageVersion: string, changelog: string): string[] {
  const version = tag.replace(/^v/, '');
  if (!tag.startsWith('v') || !VERSION.test(version)) return [`"${tag}" is no tag of a version, like v1.2.3`];
  const problems = [];
  if (version !== packageVersion) problems.push(`package.json has the version ${packageVersion}, not ${version}`);
  const section = sectionOf(changelog, version);
  if (section === undefined) problems.push(`CHANGELOG.md has no section ${version}`);
  else problems.push(...problemsIn(version, section));
  if (sectionOf(changelog, UNRELEASED) !== '')
    problems.push(`CHANGELOG.md needs an empty section ${UNRELEASED} above it`);
  return problems;
}

function problemsIn(version: string, section: string): string[] {
  if (!/^- /m.test(section)) return [`the section ${version} of CHANGELOG.md lists nothing`];
  const parts = [...section.matchAll(/^### (.+)$/gm)].map(([, title = '']) => title);
  if (version.endsWith('.0')) return [];
  const others = parts.filter((part) => !PATCHES.includes(part));
  if (others.length === 0) return [];
  return [`${version} is a patch, and its section has ${others.join(' and ')}: those need a new minor version`];
}

/** The changelog with what was unreleased as the section of that version. Throws Refused if that is nothing. */
export function released(changelog: string, version: string): string {
  if (!VERSION.test(version)) throw new Refused(`"${version}" is no version, like 1.2.3`);
  if (sectionOf(changelog, version) !== undefined) throw new Refused(`CHANGELOG.md has a section ${version} already`);
  const section = sectionOf(changelog, UNRELEASED);
  if (section === undefined || !/^- /m.test(section)) throw new Refused(`CHANGELOG.md lists nothing as ${UNRELEASED}`);
  const [problem] = problemsIn(version, section);
  if (problem !== undefined) throw new Refused(problem);
  return changelog.replace(/^## Unreleased$/m, `## ${UNRELEASED}\n\n## ${version}`);
}
