import type { TestEvent } from 'node:test/reporters';

/** A reporter of Node's test runner: one line of JSON for each test that failed, with the names of its suites before it. */
export default async function* failures(events: AsyncIterable<TestEvent>): AsyncGenerator<string> {
  const path: string[] = [];
  for await (const event of events) {
    if (event.type === 'test:start') path.splice(event.data.nesting, Number.POSITIVE_INFINITY, event.data.name);
    if (event.type !== 'test:fail') continue;
    const { name, nesting, details } = event.data;
    // What fails only because of something in it is told by that.
    if (hasFailedWithin(details.error)) continue;
    yield `${JSON.stringify([...path.slice(0, nesting), name].join(' > '))}\n`;
  }
}

const hasFailedWithin = (error: unknown) =>
  (error as { failureType?: string } | undefined)?.failureType === 'subtestsFailed';
