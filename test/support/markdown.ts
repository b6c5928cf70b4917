/** A sentence of a page, as plain words. */
export interface Sentence {
  readonly line: number;
  readonly words: readonly string[];
}

/** Lines without prose, which end a paragraph. */
const NO_PROSE = /^\s*(?:$|\||#{1,6} |<!--|(?:-{3,}|={3,})\s*$)/;
const ITEM = /^\s*(?:[-*]|\d+\.) /;
/** Four spaces make code, but inside a list they continue an item. */
const INDENTED = /^ {4}/;

/** Begins a line, so that a glob in a string does not count. */
const BLOCK_COMMENT = /^[ \t]*\/\*[\s\S]*?\*\//gm;

/** The sentences of a page in Markdown, without its tables, headings and code. */
export function sentencesOf(markdown: string): Sentence[] {
  return paragraphsOf(markdown).flatMap(({ line, text }) =>
    plain(text)
      .split(/(?<=[.!?]["')\]*_]*)\s+(?=["'(*_[]*[A-Z`0-9])/)
      .map((sentence) => ({ line, words: sentence.split(/\s+/).filter((word) => /[\p{L}\p{N}]/u.test(word)) })),
  );
}

/** The sentences of the block comments of a TypeScript source. */
export function commentSentencesOf(source: string): Sentence[] {
  return [...source.matchAll(BLOCK_COMMENT)].flatMap(({ 0: comment, index }) => {
    const firstLine = source.slice(0, index).split('\n').length;
    const prose = comment
      .replace(/^\s*\/\*+/, '')
      .replace(/\s*\*\/$/, '')
      .replaceAll(/^\s*\* ?/gm, '')
      .replaceAll(/^@/gm, '- @')
      .trim();
    return sentencesOf(prose).map(({ line, words }) => ({ line: firstLine + line - 1, words }));
  });
}

interface Paragraph {
  readonly line: number;
  text: string;
}

function paragraphsOf(markdown: string): Paragraph[] {
  const found: Paragraph[] = [];
  let open: Paragraph | undefined;
  for (const [index, line] of withoutFences(markdown).entries()) {
    if (NO_PROSE.test(line) || (open === undefined && INDENTED.test(line))) open = undefined;
    else if (open === undefined || ITEM.test(line)) {
      open = { line: index + 1, text: line.replace(ITEM, '') };
      found.push(open);
    } else open.text += ` ${line.trim()}`;
  }
  return found;
}

/** A fenced block of a page. */
export interface Block {
  /** The heading above it, as it stands. */
  readonly heading: string;
  /** `sh`, `yaml`. */
  readonly language: string;
  readonly text: string;
}

/** The fenced blocks of a page, in its order. */
export function blocksOf(markdown: string): Block[] {
  let heading = '';
  return [...markdown.matchAll(/^#{1,6} (.+)$|^```(\w*)\n([\s\S]*?)^```$/gm)].flatMap(
    ([, title, language, text = '']) => {
      heading = title ?? heading;
      return language === undefined ? [] : [{ heading, language, text }];
    },
  );
}

function withoutFences(markdown: string): string[] {
  let isCode = false;
  return markdown.split('\n').map((line) => {
    const isFence = /^\s*```/.test(line);
    if (isFence) isCode = !isCode;
    return isCode || isFence ? '' : line;
  });
}

/** Code counts as one word. A link counts as its text. */
function plain(text: string): string {
  return text
    .replaceAll(/`[^`]+`/g, 'Code')
    .replaceAll(/!\[([^\]]*)\]\([^)]*\)/g, '')
    .replaceAll(/\[([^\]]*)\]\([^)]*\)/g, '$1')
    .trim();
}

/** The links of a page without those to other sites: paths as written, and anchors. */
export function linksOf(markdown: string): string[] {
  const prose = withoutFences(markdown)
    .join('\n')
    .replaceAll(/`[^`\n]*`/g, '');
  return [...prose.matchAll(/\]\(([^()\s]+)\)/g)]
    .map(([, target = '']) => target)
    .filter((target) => !/^[a-z]+:/.test(target));
}

/** The anchors that GitHub gives to the headings of a page. */
export function anchorsOf(markdown: string): string[] {
  const seen = new Map<string, number>();
  return withoutFences(markdown)
    .flatMap((line) => /^#{1,6} (.+)$/.exec(line)?.[1] ?? [])
    .map((heading) => {
      const slug = heading
        .trim()
        .toLowerCase()
        .replaceAll(/[^\p{L}\p{N}\s_-]/gu, '')
        .replaceAll(/\s/g, '-');
      const count = seen.get(slug) ?? 0;
      seen.set(slug, count + 1);
      return count === 0 ? slug : `${slug}-${count}`;
    });
}
